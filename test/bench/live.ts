/**
 * How soon an event is with those who follow the stream, while others append.
 * `npm run build:test && node dist/test/bench/live.js [--rates N,N] [--seconds S] [--readers N]
 * [--json FILE] [--folder DIR]`; Linux only, as the bench.
 */
import { writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { startChild } from './child.ts'
import { createCleanup, type Cleanup } from './cleanup.ts'
import type { Live } from './load/live.ts'
import { loadOf } from './load/load.ts'
import type { Tally } from './load/tally.ts'
import { openPlace } from './place.ts'
import { show } from './report.ts'
import { startLedger } from './system.ts'

const CONNECTIONS = 64
const WARM_UP_SECONDS = 3
const SEED = 17

interface Line { perSecond: number, load: Tally, live: Live }

const say = (line: string): void => { process.stderr.write(`${line}\n`) }

async function measure (
  wishes: { rates: number[], seconds: number, readers: number, folder: string }, cleanup: Cleanup
): Promise<Line[]> {
  const place = { below: wishes.folder, name: 'live', say }
  const { dataDir, postgres } = await openPlace(place, cleanup)
  const [writing, reading] = [await startChild('load/main'), await startChild('load/main')]
  cleanup.add(writing.stop)
  cleanup.add(reading.stop)
  const { pid: postgresPid, superuserUrl } = postgres
  const { system } = await startLedger({ dataDir, postgresPid, superuserUrl, say })
  cleanup.add(system.stop)
  const { port, credentials } = system
  const [credential = ''] = credentials
  const source = { kind: 'appends', seed: SEED, batch: 1, credentials } as const
  const both = async (perSecond: number, seconds: number): Promise<Line> => {
    const [load, live] = await Promise.all([
      loadOf(writing).run({
        kind: 'open', port, connections: CONNECTIONS, perSecond, seconds, source
      }),
      loadOf(reading).run({
        kind: 'live', port, readers: wishes.readers, seconds, seed: SEED + 1, credential
      })
    ])
    await system.settle()
    return { perSecond, load, live }
  }
  const lines: Line[] = []
  for (const rate of wishes.rates) {
    await both(rate, WARM_UP_SECONDS)
    say(`${rate} events/s`)
    lines.push(await both(rate, wishes.seconds))
  }
  return lines
}

function markdown (lines: readonly Line[], readers: number): string {
  return [
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, node ${process.version}; ` +
      `${readers} readers of everything in the largest tenant`, '',
    '| events/s asked | taken | append p50 ms | p99 | live p50 ms | p99 | timed | missed |',
    '|---|---|---|---|---|---|---|---|',
    ...lines.map(({ perSecond, load, live }) => `| ${[
      perSecond, show(load.answered / load.seconds), show(load.latencyMs.p50),
      show(load.latencyMs.p99), show(live.latencyMs.p50), show(live.latencyMs.p99),
      live.probes * readers, live.missed
    ].join(' | ')} |`), ''
  ].join('\n')
}

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '200,1000' },
    seconds: { type: 'string', default: '20' },
    readers: { type: 'string', default: '3' },
    json: { type: 'string' },
    folder: { type: 'string', default: tmpdir() }
  }
})
const readers = Number(values.readers)
const wishes = {
  rates: values.rates.split(',').map(Number),
  seconds: Number(values.seconds),
  readers,
  folder: values.folder
}
if (![readers, wishes.seconds, ...wishes.rates].every((number) => number > 0)) {
  say('live: rates, seconds and readers are numbers above 0')
  process.exit(2)
}
const cleanup = createCleanup()
const ended = new Promise<never>((_resolve, reject) => {
  const stop = (): void => { reject(new Error('interrupted')) }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
})
try {
  const lines = await Promise.race([measure(wishes, cleanup), ended])
  process.stdout.write(markdown(lines, readers))
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(lines, null, 2) + '\n')
} finally {
  await cleanup.run()
}
process.exit(0)

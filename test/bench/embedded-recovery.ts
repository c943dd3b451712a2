/**
 * How long the embedded node takes to start on a large log, and how much memory the index takes:
 * after an orderly stop, after a kill, and without the index on disk.
 * `npm run build:test && node dist/test/bench/embedded-recovery.js [events]`; the log
 * takes about 360 bytes per event in the temporary directory. Linux only (reads /proc).
 */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine } from '../../src/embedded/eventstore/engine/engine.ts'
import { spawnNode } from '../../src/embedded/eventstore/spawn.ts'
import { checkDirectory } from '../../src/embedded/eventstore/storage/check.ts'
import { Log, openLogFile } from '../../src/embedded/eventstore/storage/log.ts'
import { openLog } from '../../src/embedded/eventstore/storage/open.ts'
import { keepSnapshots } from '../../src/embedded/eventstore/storage/snapshotter.ts'
import { ANY } from '../../src/embedded/eventstore/wire/append.ts'

const PER_CALL = 100
const CALLS_AT_ONCE = 16
const EVENTS_PER_STREAM = 50

/** Fills a directory without the protocol before it. */
async function fill (dir: string, events: number): Promise<void> {
  const opened = openLog(dir, () => {})
  const onFailure = (error: Error) => { throw error }
  const log = new Log({ file: openLogFile(opened.path), end: opened.end, onFailure })
  const snapshots = keepSnapshots(opened, log, { report: () => {} })
  const engine = createEngine({ log, index: opened.index, now: Date.now })
  const streams = Math.ceil(events / EVENTS_PER_STREAM)
  const data = Buffer.from(JSON.stringify({ text: 'x'.repeat(120) }))
  const event = (n: number) => ({
    id: `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`,
    type: 'order.updated',
    contentType: 'application/json',
    metadata: Buffer.alloc(0),
    data
  })
  let call = 0
  for (let n = 0; n < events;) {
    const calls: Promise<unknown>[] = []
    for (let k = 0; k < CALLS_AT_ONCE && n < events; k++, n += PER_CALL) {
      const first = n
      calls.push(engine.append(`tenant.order-${call++ % streams}`, ANY,
        Array.from({ length: PER_CALL }, (_, i) => event(first + i))))
    }
    await Promise.all(calls)
  }
  await snapshots.close()
  await log.close()
}

/** Starts a node and kills it; gives a line about both. */
async function timeStart (dataDir: string): Promise<string> {
  const start = performance.now()
  const node = await spawnNode({ dataDir })
  const ms = Math.round(performance.now() - start)
  const status = await readFile(`/proc/${node.pid}/status`, 'utf8')
  process.kill(node.pid, 'SIGKILL')
  await node.exited
  return `${ms} ms, ${Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)} MiB`
}

const events = Number(process.argv[2] ?? 1_000_000)
const dir = await mkdtemp(join(tmpdir(), 'embedded-recovery-'))
const print = (name: string, text: string) => {
  process.stdout.write(`${name.padEnd(30)}${text}\n`)
}
try {
  const started = performance.now()
  print('an empty directory', await timeStart(join(dir, 'empty')))
  await fill(join(dir, 'data'), events)
  const { size } = await stat(join(dir, 'data', 'events.log'))
  print(`${events} events`, `${Math.round(size / 1e6)} MB, filled in ` +
    `${Math.round(performance.now() - started)} ms`)
  print('with the index', await timeStart(join(dir, 'data')))
  print('with the index, after a kill', await timeStart(join(dir, 'data')))
  await rm(join(dir, 'data', 'events.index'), { force: true })
  print('scanning the log', await timeStart(join(dir, 'data')))
  const checking = performance.now()
  const { ok } = checkDirectory(join(dir, 'data'))
  print('checking every frame', `${Math.round(performance.now() - checking)} ms, ok: ${ok}`)
} finally {
  await rm(dir, { recursive: true, force: true })
}

/** What it costs an application to have its calls recorded: CPU of its process for each call. */
import { startChild, type Child } from '../child.ts'
import { startMeter } from '../cpu.ts'
import { runClosed } from '../load/closed.ts'
import { summarise } from '../stats.ts'

const MODES = ['plain', 'audited', 'bodies'] as const
const CALLS = 10_000
const ROUNDS = 7

interface Flushed { type: string, stats: { recorded: number, dropped: number } }

const sink = await startChild('calls/sink')
const apps = new Map<string, Child>()
for (const mode of MODES) {
  apps.set(mode, await startChild('calls/app', [mode, String(sink.ready['port'])]))
}
const cost = new Map<string, number[]>(MODES.map((mode) => [mode, []]))

/** Microseconds of CPU for a call, what is sent to the ledger for it included. */
async function measure (app: Child): Promise<number> {
  const stop = startMeter({ app: { pid: app.pid } })
  const tally = await runClosed({
    kind: 'closed',
    port: Number(app.ready['port']),
    connections: 4,
    seconds: 60,
    requestsMax: CALLS,
    source: { kind: 'gets', credential: '', paths: ['/users/7'] }
  })
  const isFlushed = ({ type }: Flushed): boolean => type === 'flushed'
  const { stats } = await app.ask<Flushed>({}, isFlushed)
  if (tally.failed > 0 || stats.dropped > 0) {
    throw new Error(`${tally.firstFailure ?? ''} dropped: ${stats.dropped}`)
  }
  return (stop()['app'] ?? 0) * 1_000_000 / tally.answered
}

// They take turns, so that whatever else the machine does meets them all; the first is thrown away.
for (let round = 0; round <= ROUNDS; round++) {
  for (const [mode, app] of apps) {
    const us = await measure(app)
    if (round > 0) cost.get(mode)?.push(us)
  }
}
for (const child of [...apps.values(), sink]) await child.stop()

const plain = summarise(cost.get('plain') ?? []).median
console.log('| | µs of CPU a call | lowest to highest | ratio |\n|---|---|---|---|')
for (const mode of MODES) {
  const { median, min, max } = summarise(cost.get(mode) ?? [])
  console.log(`| ${mode} | ${median.toFixed(0)} | ${min.toFixed(0)} to ${max.toFixed(0)} | ` +
    `${(median / plain).toFixed(2)} |`)
}

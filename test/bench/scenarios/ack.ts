import { figureOf, limitCheck, type Scenario } from '../bench.ts'
import { failureNote, interleave, latencyFigures, metered } from '../sample.ts'

const SEED = 12
const PER_SECOND = 1_000
const CONNECTIONS = 64
const P99_MAX_MS = 10
/** Long enough for a percentile of its own: 99 % of 2,000 leaves 20 above. */
const SECONDS_MIN = 2

/** How long a producer waits for its receipt at a steady, moderate rate. */
export const ack: Scenario = {
  name: 'ack',
  title: `Acknowledgement at ${PER_SECOND} events/s, open loop`,
  filled: false,
  async run (bench) {
    const systems = ['filelog', 'insert', 'ledger'] as const
    const samples = await interleave(bench, systems, async (system, round) => {
      const { result, cpu } = await metered(bench, system, async () => await bench.load.run({
        kind: 'open',
        port: system.port,
        connections: CONNECTIONS,
        perSecond: PER_SECOND,
        seconds: round === 0 ? 1 : Math.max(bench.options.seconds, SECONDS_MIN),
        source: { kind: 'appends', seed: SEED, batch: 1, credentials: system.credentials }
      }))
      await system.settle()
      const { answered: units, latencyMs: latency } = result
      return { value: NaN, units, cpu, latency, note: failureNote(result) }
    })
    const figures = latencyFigures(samples, 'ack', ['p50', 'p99', 'max'])
    const p99 = figureOf(figures, 'ledger', 'ack p99')
    return {
      figures,
      checks: [limitCheck(`ack at ${PER_SECOND} events/s, p99`, p99, P99_MAX_MS)]
    }
  }
}

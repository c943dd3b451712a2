import { figureOf, limitCheck, type Scenario } from '../bench.ts'
import { failureNote, interleave, latencyFigures, metered } from '../sample.ts'

const SEED = 13
const PER_SECOND = 1_000
const P50_MAX_MS = 10
const P99_MAX_MS = 60
/** Probes come 25 a second: three rounds of this give 225. */
const SECONDS_MIN = 3

/** From sending an append to reading it back in its user's feed, while others append as well. */
export const visible: Scenario = {
  name: 'visible',
  title: `Append to visible in the feed at ${PER_SECOND} events/s`,
  filled: false,
  async run (bench) {
    const samples = await interleave(bench, ['insert', 'ledger'], async (system, round) => {
      const { result, cpu } = await metered(bench, system, async () => await bench.load.run({
        kind: 'visible',
        port: system.port,
        perSecond: PER_SECOND,
        seconds: round === 0 ? 1 : Math.max(SECONDS_MIN, bench.options.seconds),
        seed: SEED,
        credentials: system.credentials
      }))
      await system.settle()
      const unseen = result.unseen === 0 ? undefined : `${result.unseen} never seen`
      return {
        value: NaN,
        units: result.load.answered + result.probes,
        cpu,
        latency: result.latencyMs,
        note: unseen ?? failureNote(result.load)
      }
    })
    const figures = latencyFigures(samples, 'visible', ['p50', 'p99'])
    const what = `append to visible at ${PER_SECOND} events/s`
    const of = (share: string) => figureOf(figures, 'ledger', `visible ${share}`)
    return {
      figures,
      checks: [
        limitCheck(`${what}, p50`, of('p50'), P50_MAX_MS),
        limitCheck(`${what}, p99`, of('p99'), P99_MAX_MS)
      ]
    }
  }
}

import { limitCheck, type Figure, type Scenario } from '../bench.ts'
import { residentBytes } from '../cpu.ts'
import { figuresOf, interleave, metered } from '../sample.ts'
import { summarise } from '../stats.ts'

const PER_SECOND_MIN = 60_000
/** How far the API's memory may grow over a replay and still be called flat. */
const GROWTH_MAX_MIB = 64
const SECONDS_MAX = 600
const WATCH_MS = 50
const MIB = 1_048_576

/** The largest tenant's history straight from the log, as compliance reads it. */
export const replay: Scenario = {
  name: 'replay',
  title: 'Replay of a tenant from the log over HTTP',
  filled: true,
  async run (bench) {
    const growth: number[] = []
    const samples = await interleave(bench, ['ledger'], async (system, round) => {
      const watch = watchMemory(system.roles()['service']?.pid ?? 0)
      const { result, cpu } = await metered(bench, system, async () => await bench.load.run({
        kind: 'replay',
        port: system.port,
        path: '/v1/replay',
        credential: system.credentials[0] ?? '',
        secondsMax: SECONDS_MAX
      }))
      const { before, peak } = watch.stop()
      if (round > 0) growth.push((peak - before) / MIB)
      if (result.status !== 200 || !result.complete) {
        throw new Error(`the replay answered ${result.status} and ` +
          `${result.complete ? 'ended' : 'broke off'} after ${result.lines} lines`)
      }
      return { value: result.lines / result.seconds, units: result.lines, cpu }
    })
    const [rate] = figuresOf(samples, 'replay', 'events/s')
    const memory: Figure = {
      measure: 'memory gained while replaying',
      unit: 'MiB',
      system: 'ledger',
      value: summarise(growth)
    }
    return {
      figures: rate === undefined ? [] : [rate, memory],
      checks: [
        {
          what: 'replay over HTTP',
          against: 'a limit',
          value: rate?.value.median ?? NaN,
          unit: 'events/s',
          target: { kind: 'at least', limit: PER_SECOND_MIN }
        },
        limitCheck('memory gained while replaying', memory, GROWTH_MAX_MIB)
      ]
    }
  }
}

/** The resident memory of a process, looked at all the time. */
function watchMemory (pid: number): { stop: () => { before: number, peak: number } } {
  const before = residentBytes(pid) ?? NaN
  let peak = before
  const look = (): void => { peak = Math.max(peak, residentBytes(pid) ?? NaN) }
  const timer = setInterval(look, WATCH_MS)
  return {
    stop: () => {
      clearInterval(timer)
      look()
      return { before, peak }
    }
  }
}

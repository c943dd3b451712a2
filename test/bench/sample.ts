import type { Bench, Figure, System, SystemName } from './bench.ts'
import { startMeter, type CpuSeconds } from './cpu.ts'
import type { Tally } from './load/tally.ts'
import { median, summarise, type Latency } from './stats.ts'

/** One measurement of one system. */
export interface Sample {
  readonly value: number
  /** What the CPU is divided by: events, requests or rows. */
  readonly units: number
  readonly cpu: CpuSeconds
  readonly latency?: Latency | undefined
  readonly note?: string | undefined
}

export type Samples = ReadonlyMap<SystemName, readonly Sample[]>
type Measure = (system: System, round: number) => Promise<Sample>

/**
 * Measures the systems turn by turn, round after round, so that what the machine does besides
 * meets them all alike. The first round only warms them up and is not kept.
 */
export async function interleave (
  bench: Bench, names: readonly SystemName[], measure: Measure
): Promise<Samples> {
  const systems = names.flatMap((name) => bench.systems.get(name) ?? [])
  const samples = new Map<SystemName, Sample[]>(systems.map(({ name }) => [name, []]))
  for (let round = 0; round <= bench.options.rounds; round++) {
    for (const system of systems) {
      const sample = await measure(system, round)
      if (round > 0) samples.get(system.name)?.push(sample)
    }
  }
  return samples
}

/** CPU of the system's processes and of the generator while the work goes on. */
export async function metered<T> (
  bench: Bench, system: System, work: () => Promise<T>
): Promise<{ result: T, cpu: CpuSeconds }> {
  const stop = startMeter({ ...system.roles(), generator: { pid: bench.load.pid } })
  const result = await work()
  return { result, cpu: stop() }
}

/** Samples as figures of a measure. */
export function figuresOf (samples: Samples, measure: string, unit: string): Figure[] {
  return [...samples].map(([system, taken]) => ({
    measure,
    unit,
    system,
    value: summarise(taken.map(({ value }) => value)),
    cpuMicros: cpuMicros(taken),
    note: taken.find(({ note }) => note !== undefined)?.note
  }))
}

/** The samples' latencies as figures, one measure for each share wanted. */
export function latencyFigures (
  samples: Samples, name: string, shares: ReadonlyArray<keyof Latency>
): Figure[] {
  return shares.flatMap((share) => {
    const shown = [...samples].map(([system, taken]) => [system, taken.map((sample) => {
      return { ...sample, value: sample.latency?.[share] ?? NaN }
    })] as const)
    return figuresOf(new Map(shown), `${name} ${share}`, 'ms')
  })
}

function cpuMicros (samples: readonly Sample[]): Record<string, number> {
  const roles = new Set(samples.flatMap(({ cpu }) => Object.keys(cpu)))
  return Object.fromEntries([...roles].map((role) => {
    return [role, median(samples.map(({ cpu, units }) => (cpu[role] ?? 0) * 1e6 / units))]
  }))
}

/** What is wrong with a sample that had failures; nothing when it had none. */
export function failureNote ({ answered, failed, firstFailure }: Tally): string | undefined {
  if (failed === 0) return undefined
  return `${failed} of ${failed + answered} requests failed, first: ${firstFailure ?? 'unknown'}`
}

import type { Bench, System, SystemName } from './bench.ts'
import type { CpuSeconds } from './cpu.ts'
import { copyToPlainTable } from './baselines/tables.ts'
import { PAGES, pageRate } from './pages.ts'
import { failureNote, metered } from './sample.ts'

/** What a tenth of the events cost. */
export interface Step {
  /** Events in the store when it was done. */
  readonly events: number
  /** Events that were added. */
  readonly size: number
  readonly seconds: number
  readonly settleSeconds: number
  readonly cpu: CpuSeconds
  /** Pages per second of each kind, after the first step and after the last. */
  readonly pages?: Readonly<Record<string, number>>
}

export type Filled = ReadonlyMap<SystemName, readonly Step[]>

const STEPS = 10
const BATCH = 100
const CONNECTIONS = 8
const SECONDS_MAX = 1_800
const SEED = 100
const PAGES_SECONDS = 1
const FILLED: readonly SystemName[] = ['tuned', 'ledger']

const done = new WeakMap<Bench, Filled>()

/** What filling has cost; throws when nothing was filled. */
export function filledOf (bench: Bench): Filled {
  const filled = done.get(bench)
  if (filled === undefined) throw new Error('the stores were not filled')
  return filled
}

/** Gives every store that is read from the same `options.events` events, a tenth at a time. */
export async function fill (bench: Bench): Promise<void> {
  const systems = FILLED.flatMap((name) => bench.systems.get(name) ?? [])
  const steps = new Map<SystemName, Step[]>(systems.map(({ name }) => [name, []]))
  const size = bench.options.events / STEPS
  for (let step = 1; step <= STEPS; step++) {
    for (const system of systems) {
      const taken = await fillStep(bench, system, { events: step * size, size, seed: SEED + step })
      const looked = step === 1 || step === STEPS
      steps.get(system.name)?.push(looked ? { ...taken, pages: await pages(bench, system) } : taken)
    }
    bench.say(`filled to ${step * size} events`)
  }
  if (bench.systems.has('insert')) await copyToPlainTable(bench.baselinesUrl)
  done.set(bench, steps)
}

interface StepPlan { readonly events: number, readonly size: number, readonly seed: number }

async function fillStep (
  bench: Bench, system: System, { events, size, seed }: StepPlan
): Promise<Step> {
  const { result, cpu } = await metered(bench, system, async () => {
    const tally = await bench.load.run({
      kind: 'closed',
      port: system.port,
      connections: CONNECTIONS,
      seconds: SECONDS_MAX,
      requestsMax: Math.ceil(size / BATCH),
      source: { kind: 'appends', seed, batch: BATCH, credentials: system.credentials }
    })
    return { tally, settleSeconds: await system.settle() }
  })
  const failure = failureNote(result.tally)
  if (failure !== undefined) throw new Error(`filling ${system.name}: ${failure}`)
  const { tally: { seconds }, settleSeconds } = result
  return { events, size, seconds, settleSeconds, cpu }
}

async function pages (bench: Bench, system: System): Promise<Record<string, number>> {
  const rates: Record<string, number> = {}
  for (const [measure, paths] of Object.entries(PAGES)) {
    // The first sample warms the cache up for these pages.
    await pageRate(bench, system, { paths, seconds: PAGES_SECONDS / 2 })
    rates[measure] = (await pageRate(bench, system, { paths, seconds: PAGES_SECONDS })).value
  }
  return rates
}

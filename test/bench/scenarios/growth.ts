import type { Check, Figure, Scenario, SystemName } from '../bench.ts'
import { filledOf, type Step } from '../fill.ts'
import { median, summarise } from '../stats.ts'

const COST_MAX = 1.2
const PAGE_MAX = 1.25
/** So many steps at either end are compared by their median, which damps the noise. */
const LAST = 3

/** Microseconds of CPU an event cost in a step, over all of the ledger's processes. */
function costOf ({ cpu, size }: Step): number {
  const total = Object.entries(cpu)
    .filter(([role]) => role !== 'generator')
    .reduce((sum, [, seconds]) => sum + seconds, 0)
  return total * 1e6 / size
}

const wallOf = ({ seconds, settleSeconds, size }: Step): number => {
  return (seconds + settleSeconds) * 1e6 / size
}

/**
 * What an event costs when the stores hold all of them, against when they held a tenth: from
 * the acknowledgement to the read models, in CPU and in time; and how pages became slower.
 */
export const growth: Scenario = {
  name: 'growth',
  title: 'From a tenth of the events to all of them',
  filled: true,
  async run (bench) {
    const figures: Figure[] = []
    const checks: Check[] = []
    for (const [system, steps] of filledOf(bench)) {
      // The first step warms everything up; the second begins with a tenth of the events.
      const early = steps.slice(1, 1 + LAST)
      const late = steps.slice(-LAST)
      figures.push(
        figure(system, 'CPU per event, early', early.map(costOf)),
        figure(system, 'CPU per event, late', late.map(costOf)),
        figure(system, 'time per event, early', early.map(wallOf)),
        figure(system, 'time per event, late', late.map(wallOf)))
      if (system !== 'ledger') continue
      checks.push({
        what: 'CPU per event at the end',
        against: 'at a tenth',
        value: median(late.map(costOf)) / median(early.map(costOf)),
        unit: '×',
        target: { kind: 'at most', limit: COST_MAX }
      }, ...pageChecks(steps))
    }
    return { figures, checks }
  }
}

function figure (system: SystemName, measure: string, values: readonly number[]): Figure {
  return { measure, unit: 'µs', system, value: summarise(values) }
}

function pageChecks (steps: readonly Step[]): Check[] {
  const first = steps[0]?.pages ?? {}
  const last = steps.at(-1)?.pages ?? {}
  return Object.keys(first).map((measure) => ({
    what: `time of a ${measure} page with all events`,
    against: 'with a tenth',
    value: (first[measure] ?? NaN) / (last[measure] ?? NaN),
    unit: '×',
    target: { kind: 'at most', limit: PAGE_MAX }
  }))
}

import type { Roles } from './cpu.ts'
import type { Load } from './load/load.ts'
import type { Summary, Target } from './stats.ts'

/** The services that are measured; `copy` appears in figures, but serves nothing. */
export const SYSTEMS = ['noop', 'filelog', 'insert', 'tuned', 'ledger'] as const
export type SystemName = typeof SYSTEMS[number]

/** One of the services compared, running. */
export interface System {
  readonly name: SystemName
  readonly port: number
  /** Header lines that name each tenant of the generator, in its order. */
  readonly credentials: readonly string[]
  /** Role -> process, for the CPU columns. */
  readonly roles: () => Roles
  /** Resolves when everything acknowledged can be read; seconds it took. */
  readonly settle: () => Promise<number>
  readonly stop: () => Promise<void>
}

export interface Options {
  /** Events that reading, storage, rebuild and growth are measured at. */
  readonly events: number
  readonly rounds: number
  /** Length of one sample. */
  readonly seconds: number
  readonly only: readonly string[]
  readonly systems: readonly SystemName[]
  readonly json: string | undefined
  readonly folder: string
}

/** What a scenario works with. */
export interface Bench {
  readonly options: Options
  readonly load: Load
  /** Those of the run, by name. */
  readonly systems: ReadonlyMap<SystemName, System>
  readonly ledger: LedgerAccess | undefined
  /** The baselines' database, as superuser. */
  readonly baselinesUrl: string
  /** For files of the run; removed with everything in it at the end. */
  readonly folder: string
  readonly say: (line: string) => void
}

/** More ways into our own system, for what HTTP load alone does not show. */
export interface LedgerAccess {
  readonly address: string
  /** Header lines of a key that operates the server. */
  readonly operator: string
  /** The ledger's database, as superuser. */
  readonly databaseUrl: string
  readonly logFolder: string
  /** What its API and worker run with: the addresses of log and database among it. */
  readonly environment: () => Readonly<Record<string, string>>
}

/** One system's samples of one measure. */
export interface Figure {
  readonly measure: string
  readonly unit: string
  readonly system: SystemName | 'copy'
  readonly value: Summary
  /** Role -> microseconds of CPU per event, request or row; the median of the samples. */
  readonly cpuMicros?: Readonly<Record<string, number>> | undefined
  readonly note?: string | undefined
}

/** One figure held against what it has to reach. */
export interface Check {
  readonly what: string
  /** What the figure is, with its baseline: `0.61 × filelog`. */
  readonly against: string
  readonly value: number
  readonly unit: string
  readonly target: Target
}

export interface Outcome {
  readonly figures: readonly Figure[]
  readonly checks: readonly Check[]
}

export interface Scenario {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  /** Whether the stores must hold `options.events` events before. */
  readonly filled: boolean
  readonly run: (bench: Bench) => Promise<Outcome>
}

/** A ratio of two medians that has to be at least, or at most, a limit. */
export function ratioCheck (
  what: string, [figure, base]: ReadonlyArray<Figure | undefined>, target: Target
): Check {
  const value = (figure?.value.median ?? NaN) / (base?.value.median ?? NaN)
  return { what, against: base?.system ?? 'not measured', value, unit: '×', target }
}

/** A median that must not exceed a limit in its own unit. */
export function limitCheck (what: string, figure: Figure | undefined, limit: number): Check {
  return {
    what,
    against: 'a limit',
    value: figure?.value.median ?? NaN,
    unit: figure?.unit ?? '',
    target: { kind: 'at most', limit }
  }
}

/** The figure of one system and measure, if it was measured. */
export function figureOf (
  figures: readonly Figure[], system: Figure['system'], measure: string
): Figure | undefined {
  return figures.find((figure) => figure.system === system && figure.measure === measure)
}

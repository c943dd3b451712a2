import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import type { Check, Figure, Options, Outcome } from './bench.ts'
import { isMet, type Summary } from './stats.ts'

/** What came of a scenario, or why nothing did. */
export interface Ran {
  readonly name: string
  readonly title: string
  readonly seconds: number
  readonly outcome: Outcome
  readonly error?: string | undefined
}

/** A number with three digits that count, thousands separated. */
export function show (value: number): string {
  if (!Number.isFinite(value)) return '—'
  return value.toLocaleString('en', value >= 1_000
    ? { maximumFractionDigits: 0 }
    : { maximumSignificantDigits: 3 })
}

function showSummary ({ median, min, max }: Summary): string {
  return `${show(median)} (${show(min)}..${show(max)})`
}

/** The tables as Markdown: targets first, then every figure with its CPU. */
export function markdown (runs: readonly Ran[]): string {
  const checks = runs.flatMap(({ outcome }) => outcome.checks)
  const failed = runs.flatMap(({ name, error }) => error === undefined ? [] : [{ name, error }])
  return [
    '| | figure | against | target | met |',
    '|---|---|---|---|---|',
    ...checks.map(checkRow),
    ...runs.flatMap(({ title, outcome }) => outcome.figures.length === 0
      ? []
      : ['', `### ${title}`, '', ...figureTable(outcome.figures)]),
    ...failed.flatMap(({ name, error }) => ['', `**${name} could not be measured:** ${error}`]),
    ''
  ].join('\n')
}

function checkRow ({ what, against, value, unit, target }: Check): string {
  const sign = target.kind === 'at least' ? '≥' : '≤'
  const met = Number.isNaN(value) ? 'not measured' : isMet(value, target) ? 'yes' : 'no'
  return `| ${what} | ${show(value)} ${unit} | ${against} | ` +
    `${sign} ${show(target.limit)} ${unit} | ${met} |`
}

/** In the order of an event's way. */
const ROLES = ['generator', 'service', 'log', 'worker', 'Postgres']

function figureTable (figures: readonly Figure[]): string[] {
  const measured = new Set(figures.flatMap(({ cpuMicros }) => Object.keys(cpuMicros ?? {})))
  const roles = ROLES.filter((role) => measured.has(role))
  const head = ['measure', 'system', 'median (min..max)', ...roles.map((role) => `${role} CPU µs`)]
  const rows = figures.map(({ measure, unit, system, value, cpuMicros, note }) => [
    measure,
    note === undefined ? system : `${system} (!)`,
    `${showSummary(value)} ${unit}`,
    ...roles.map((role) => show(cpuMicros?.[role] ?? NaN))
  ])
  const notes = figures.flatMap(({ measure, system, note }) => {
    return note === undefined ? [] : [`- (!) ${measure}, ${system}: ${note}`]
  })
  return [
    row(head), row(head.map(() => '---')), ...rows.map(row),
    ...(notes.length === 0 ? [] : ['', ...notes])
  ]
}

function row (cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

/** Where and how it was measured. */
export function environment (options: Options): Record<string, unknown> {
  return {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 1_073_741_824),
    options
  }
}

export function writeJson (path: string, options: Options, runs: readonly Ran[]): void {
  writeFileSync(path, JSON.stringify({ environment: environment(options), runs }, null, 2) + '\n')
}

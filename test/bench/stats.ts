/** What several samples of one measure say together. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly samples: number
}

/** The value below which the share `q` (0 to 1) of the values lies; interpolated; NaN for none. */
export function quantile (values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort()
  const at = (sorted.length - 1) * q
  const below = sorted[Math.floor(at)] ?? NaN
  const above = sorted[Math.ceil(at)] ?? NaN
  return below + (above - below) * (at - Math.floor(at))
}

/** The middle value, the mean of the two middle ones for an even count; NaN for none. */
export function median (values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function summarise (values: readonly number[]): Summary {
  return {
    median: median(values),
    min: quantile(values, 0),
    max: quantile(values, 1),
    samples: values.length
  }
}

/** Latencies in milliseconds as a reader wants them. */
export interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

export function latencyOf (valuesMs: readonly number[]): Latency {
  return {
    p50: quantile(valuesMs, 0.5),
    p95: quantile(valuesMs, 0.95),
    p99: quantile(valuesMs, 0.99),
    max: quantile(valuesMs, 1)
  }
}

/** What a figure has to reach: at least, or at most, a limit. */
export interface Target {
  readonly kind: 'at least' | 'at most'
  readonly limit: number
}

/** Whether the value reaches its target; a value that was not measured does not. */
export function isMet (value: number, target: Target): boolean {
  return target.kind === 'at least' ? value >= target.limit : value <= target.limit
}

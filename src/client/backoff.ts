/** How long to wait between attempts. */
export interface Backoff {
  baseMs: number
  maxMs: number
}

/**
 * The delay after the nth failed attempt, in milliseconds: exponential with full jitter, so that
 * producers which failed together do not come back together. `random` is from 0 to below 1.
 */
export function delayMs (attempt: number, { baseMs, maxMs }: Backoff, random: number): number {
  return random * Math.min(maxMs, baseMs * 2 ** (attempt - 1))
}

/**
 * What a Retry-After header asks for, in milliseconds from `now`: seconds or an HTTP date (RFC
 * 9110 section 10.2.3); undefined if there is none or it makes no sense.
 */
export function retryAfterMs (header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  if (/^[0-9]{1,9}$/.test(header)) return Number(header) * 1_000
  const at = /^[A-Z]/.test(header) ? Date.parse(header) : NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

/** Timers know no longer time: one that is longer would be over at once. */
const TIMER_MAX_MS = 2_147_483_647

/** Waits so long, or until the signal is aborted; never throws. */
export async function pause (ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, Math.min(ms, TIMER_MAX_MS))
    signal.addEventListener('abort', end)
  })
}

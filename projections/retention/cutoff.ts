import type { RetentionAge } from '../../schemas/events/retention.ts'

const DAY_MS = 86_400_000

/**
 * The moment before which events are older than that, RFC 3339: at the same time of the day, and
 * on the last day of a month that is too short. `now` in milliseconds since 1970.
 */
export function cutoffOf ({ months = 0, days = 0 }: RetentionAge, now: number): string {
  return new Date(monthsBefore(now, months) - days * DAY_MS).toISOString()
}

function monthsBefore (now: number, months: number): number {
  const date = new Date(now)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() - months)
  const days = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  return date.setUTCDate(Math.min(day, days))
}

import { isUtcTimestamp } from '../../schemas/primitives.ts'
import { requireRange } from './filters.ts'
import { refusal } from './validator.ts'

/** A first and a last day, as queries give them. */
export interface DayRange {
  from?: string | undefined
  to?: string | undefined
}

/** Refuses a day that no calendar has: the schema knows the form of a day only. */
export function requireDays ({ from, to }: DayRange): void {
  const wrong = Object.entries({ from, to })
    .filter(([, day]) => day !== undefined && !isUtcTimestamp(`${day}T00:00:00Z`))
    .map(([pointer]) => ({ pointer, detail: 'is no day of the calendar' }))
  if (wrong.length > 0) throw refusal(wrong)
}

const DAY_LENGTH = '2026-11-20'.length
const DAY_MS = 86_400_000

/**
 * The stretch of time between two days or moments: a day is meant as a whole, of a moment as the
 * end nothing. Refuses what no calendar has, and a stretch that is empty.
 */
export function spanOf ({ from, to }: DayRange): DayRange {
  const [first, last] = [from, to].map((text) =>
    text?.length === DAY_LENGTH ? `${text}T00:00:00.000Z` : text)
  const wrong = Object.entries({ from: first, to: last })
    .filter(([, text]) => text !== undefined && !isUtcTimestamp(text))
    .map(([pointer]) => ({ pointer, detail: 'is no day or moment of the calendar' }))
  if (wrong.length > 0) throw refusal(wrong)
  const end = last === undefined || last === to ? last : dayAfter(last)
  requireRange('to', first, end)
  return { from: first, to: end }
}

/** Nothing happens after the last day that a timestamp can say. */
function dayAfter (midnight: string): string | undefined {
  const next = new Date(Date.parse(midnight) + DAY_MS).toISOString()
  return next.startsWith('+') ? undefined : next
}

import { isUtcTimestamp } from '../../schemas/primitives.ts'
import { refusal } from './validator.ts'

/** A first and a last day, as queries give them. */
export interface DayRange {
  from?: string
  to?: string
}

/** Refuses a day that no calendar has: the schema knows the form of a day only. */
export function requireDays ({ from, to }: DayRange): void {
  const wrong = Object.entries({ from, to })
    .filter(([, day]) => day !== undefined && !isUtcTimestamp(`${day}T00:00:00Z`))
    .map(([pointer]) => ({ pointer, detail: 'is no day of the calendar' }))
  if (wrong.length > 0) throw refusal(wrong)
}

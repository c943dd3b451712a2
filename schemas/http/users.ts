import { Type } from '@sinclair/typebox'
import { Identifier, Int64, Timestamp } from '../primitives.ts'

export const UserParams = Type.Object({ id: Identifier })

/** A day of the calendar; that it exists is checked where it is used. */
export const Day = Type.String({
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', description: 'A day in UTC, inclusive: 2026-11-20'
})

export const SummaryQuery = Type.Object({
  from: Type.Optional(Day),
  to: Type.Optional(Day)
}, { additionalProperties: false })

const Counts = Type.Record(Type.String(), Type.Integer())

/** What a user did, counted; null where there is nothing. */
export const UserSummary = Type.Object({
  events: Type.Integer(),
  firstAt: Type.Union([Timestamp, Type.Null()]),
  lastAt: Type.Union([Timestamp, Type.Null()]),
  firstPosition: Type.Union([Int64, Type.Null()]),
  lastPosition: Type.Union([Int64, Type.Null()]),
  byCategory: Counts,
  byAction: Counts,
  byOutcome: Counts,
  byDay: Counts
}, { title: 'UserSummary' })

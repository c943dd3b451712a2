import { Type, type Static } from '@sinclair/typebox'
import { ActionPattern, Category, Int64, nullable, Timestamp, Uuid } from '../primitives.ts'
import { HOLDS_NAMED_MAX, Reason } from './erasure.ts'

const closed = { additionalProperties: false }

/** Rows are kept for so long at least, unless a policy is forced. */
export const FLOOR_MONTHS = 12
/** The same in days: no twelve months are longer. */
export const FLOOR_DAYS = 366
export const AGE_MAX_MONTHS = 1_200
export const AGE_MAX_DAYS = 36_600
/** Events whose rows one run removes: their places always fit into one event. */
export const RUN_EVENTS_MAX = 2_000

/** How long rows are kept, counted from when the ledger recorded the event: one of the two. */
export const RetentionAge = Type.Object({
  months: Type.Optional(Type.Integer({ minimum: 1, maximum: AGE_MAX_MONTHS })),
  days: Type.Optional(Type.Integer({ minimum: 1, maximum: AGE_MAX_DAYS }))
}, {
  ...closed,
  minProperties: 1,
  maxProperties: 1,
  description: 'Either months or days, by the calendar in UTC, from recordedAt'
})
export type RetentionAge = Static<typeof RetentionAge>

/** Which events a policy is about, and for how long their rows are kept. */
export const RetentionPolicySetData = Type.Object({
  category: nullable(Category),
  action: nullable(ActionPattern),
  age: RetentionAge,
  reason: Reason,
  forced: Type.Boolean()
}, closed)
export type RetentionPolicySetData = Static<typeof RetentionPolicySetData>

export const RetentionPolicyRevokedData = Type.Object({ reason: nullable(Reason) }, closed)
export type RetentionPolicyRevokedData = Static<typeof RetentionPolicyRevokedData>

/**
 * The rows of these events are removed: the first one's position, and how far each of the others
 * is from the one before. So what a run removed is a matter of the log alone.
 */
export const RetentionRanData = Type.Object({
  category: nullable(Category),
  action: nullable(ActionPattern),
  cutoff: { ...Timestamp, description: 'All of them were recorded before' },
  events: Type.Integer({ minimum: 1, maximum: RUN_EVENTS_MAX }),
  firstPosition: Int64,
  lastPosition: Int64,
  gaps: Type.Array(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), {
    maxItems: RUN_EVENTS_MAX - 1
  }),
  held: Type.Integer({ minimum: 0, description: 'Events between them that a hold kept' }),
  holdsChecked: Type.Integer({ minimum: 0 }),
  holds: Type.Array(Uuid, { maxItems: HOLDS_NAMED_MAX })
}, closed)
export type RetentionRanData = Static<typeof RetentionRanData>

/** Whether rows would be kept for less than the floor. */
export function isBelowFloor ({ months = 0, days = 0 }: RetentionAge): boolean {
  return months < FLOOR_MONTHS && days < FLOOR_DAYS
}

/** How far each position is from the one before; the first one's has none. They ascend. */
export function gapsOf (positions: readonly bigint[]): number[] {
  return positions.slice(1).map((position, at) => Number(position - (positions[at] ?? 0n)))
}

/** The positions of the events that a run names, ascending. */
export function positionsOf (
  { firstPosition, gaps }: Pick<RetentionRanData, 'firstPosition' | 'gaps'>
): bigint[] {
  let last = BigInt(firstPosition)
  return [last, ...gaps.map((gap) => (last += BigInt(gap)))]
}

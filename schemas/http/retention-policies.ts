import { Type, type Static } from '@sinclair/typebox'
import { Reason } from '../events/erasure.ts'
import { RetentionAge } from '../events/retention.ts'
import { ActionPattern, Category, nullable, Timestamp, Uuid } from '../primitives.ts'
import { ByKey } from './erasures.ts'
import { pageOf, Paging } from './paging.ts'

const closed = { additionalProperties: false }

const criteria = {
  category: Type.Optional(Category),
  action: Type.Optional(ActionPattern),
  age: RetentionAge
}

/** Which events, everything that is not said being meant, and for how long their rows are kept. */
/** Active policies of a tenant. */
export const POLICIES_MAX = 100

export const SetPolicy = Type.Object({
  ...criteria,
  reason: Reason,
  forced: Type.Optional(Type.Boolean({ description: 'To keep rows for less than 12 months' }))
}, closed)

export const PreviewPolicy = Type.Object(criteria, closed)

export const RevokePolicy = Type.Object({ reason: Type.Optional(Reason) }, closed)

/** A policy, and what its runs came to. */
export const PolicyView = Type.Object({
  id: Uuid,
  active: Type.Boolean(),
  category: nullable(Category),
  action: nullable(ActionPattern),
  age: RetentionAge,
  reason: Reason,
  forced: Type.Boolean(),
  setAt: Timestamp,
  setBy: ByKey,
  revokedAt: nullable(Timestamp),
  revokedBy: nullable(ByKey),
  revokeReason: nullable(Reason),
  runs: Type.Integer(),
  removed: Type.Integer({ description: 'Events whose rows its runs removed' }),
  lastRunAt: nullable(Timestamp),
  lastCutoff: nullable(Timestamp)
}, { title: 'RetentionPolicy' })
export type PolicyView = Static<typeof PolicyView>

/** What a policy would remove now. */
export const PolicyPreview = Type.Object({
  cutoff: { ...Timestamp, description: 'What was recorded before is old enough' },
  events: Type.Integer({ description: 'Events whose rows would be removed' }),
  held: Type.Integer({ description: 'Events that are old enough, and that a hold keeps' }),
  oldest: nullable({ ...Timestamp, description: 'recordedAt of the first of both' }),
  newest: nullable({ ...Timestamp, description: 'recordedAt of the last of both' }),
  exact: Type.Boolean({ description: 'false: there are more, which were not counted' })
}, { title: 'RetentionPreview' })
export type PolicyPreview = Static<typeof PolicyPreview>

export const PolicyParams = Type.Object({ id: Uuid })
export const PoliciesQuery = Type.Object({
  active: Type.Optional(Type.Boolean()), ...Paging
}, closed)
export const PolicyPage = pageOf(PolicyView)

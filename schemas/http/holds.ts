import { Type, type Static } from '@sinclair/typebox'
import { HoldScope, Reason } from '../events/erasure.ts'
import { EntityRef, SubjectRef, Timestamp, Uuid } from '../primitives.ts'
import { ByKey } from './erasures.ts'
import { pageOf, Paging } from './paging.ts'

/** Active holds of a tenant. */
export const HOLDS_MAX = 1_000

const common = {
  reason: Reason,
  until: Type.Optional({ ...Timestamp, description: 'Ends by itself; else when released' })
}
const closed = { additionalProperties: false }
const Entity = Type.Pick(EntityRef, ['type', 'id'], closed)

/** Exactly one of: a person, an entity with all its events, everything of the tenant. */
export const PlaceHold = Type.Object({
  subject: Type.Optional(SubjectRef),
  entity: Type.Optional(Entity),
  tenant: Type.Optional(Type.Literal(true)),
  ...common
}, closed)

export const ReleaseHold = Type.Object({ reason: Type.Optional(Reason) }, closed)

/** A hold: what it is on, why, and whether it still counts. */
export const HoldView = Type.Object({
  id: Uuid,
  active: Type.Boolean(),
  scope: HoldScope,
  reason: Reason,
  until: Type.Union([Timestamp, Type.Null()]),
  placedAt: Timestamp,
  placedBy: ByKey,
  releasedAt: Type.Union([Timestamp, Type.Null()]),
  releasedBy: Type.Union([ByKey, Type.Null()]),
  releaseReason: Type.Union([Reason, Type.Null()])
}, { title: 'Hold' })
export type HoldView = Static<typeof HoldView>

export const HoldParams = Type.Object({ id: Uuid })
export const HoldsQuery = Type.Object({
  active: Type.Optional(Type.Boolean()), ...Paging
}, closed)
export const HoldPage = pageOf(HoldView)

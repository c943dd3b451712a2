import { Type, type Static } from '@sinclair/typebox'
import { EntityType, Identifier, Int64, Timestamp, Uuid } from '../primitives.ts'

const closed = { additionalProperties: false }

export const REASON_MAX_LENGTH = 1_024
export const LEGAL_BASIS_MAX_LENGTH = 256
export const RECIPIENTS_MAX = 50
/** Holds that an order names; that there were more is told by their number. */
export const HOLDS_NAMED_MAX = 100

export const LegalBasis = Type.String({
  minLength: 1, maxLength: LEGAL_BASIS_MAX_LENGTH, description: 'GDPR art. 17(1)(a), for example'
})
export const Reason = Type.String({
  minLength: 1,
  maxLength: REASON_MAX_LENGTH,
  description: 'Stays on record when the person is gone: it must name nobody'
})
export const Recipients = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
  maxItems: RECIPIENTS_MAX, description: 'Who was given the data and is to be told (GDPR art. 19)'
})

/** Somebody asks for a person to be erased. The person is named by the ref, orphaned later. */
export const ErasureRequestedData = Type.Object({
  ref: Uuid,
  subjectType: EntityType,
  legalBasis: LegalBasis,
  reason: Reason,
  recipients: Recipients,
  notBefore: { ...Timestamp, description: 'The end of the cooling-off time' },
  needsApproval: Type.Boolean()
}, closed)
export type ErasureRequestedData = Static<typeof ErasureRequestedData>

export const ErasureApprovedData = Type.Object({}, closed)

/** The fence: from here on the vault opens nothing of the ref, whatever it is restored from. */
export const ErasureOrderedData = Type.Object({
  erasure: Uuid,
  ref: Uuid,
  holdsChecked: Type.Integer({ minimum: 0 }),
  holds: Type.Array(Uuid, { maxItems: HOLDS_NAMED_MAX })
}, closed)
export type ErasureOrderedData = Static<typeof ErasureOrderedData>

const MasterKeyId = Type.String({
  minLength: 1, maxLength: 2_048, description: 'The master key that wrapped the destroyed key'
})

/** More of them than that are not named, and the erasure is never verified. */
export const OLDER_MASTER_KEYS_MAX = 30

/** What the erasure came to. */
export const ErasureExecutedData = Type.Object({
  ref: Uuid,
  events: Type.Integer({ minimum: 0 }),
  firstPosition: Type.Union([Int64, Type.Null()]),
  lastPosition: Type.Union([Int64, Type.Null()]),
  rows: Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
  masterKey: Type.Optional(MasterKeyId),
  olderMasterKeys: Type.Optional(Type.Array(MasterKeyId, {
    maxItems: OLDER_MASTER_KEYS_MAX,
    description: 'Master keys that wrapped it before, and were kept when it was destroyed'
  }))
}, closed)
export type ErasureExecutedData = Static<typeof ErasureExecutedData>

/** A master key is gone, and whatever was wrapped under it with it. */
export const MasterKeyDestroyedData = Type.Object({
  key: MasterKeyId,
  to: { ...MasterKeyId, description: 'The master key that took over' }
}, closed)
export type MasterKeyDestroyedData = Static<typeof MasterKeyDestroyedData>

const OtherRefs = Type.Optional(Type.Array(Uuid, {
  description: 'Further refs of a person who came back while an erasure was held'
}))

/** What a hold is on: a person (by ref), an entity and all its events, or everything. */
export const HoldScope = Type.Union([
  Type.Object({
    kind: Type.Literal('subject'), type: EntityType, ref: Uuid, others: OtherRefs
  }, closed),
  Type.Object({
    kind: Type.Literal('entity'), type: EntityType, key: Identifier, others: OtherRefs
  }, { ...closed, description: 'key: the id, of a person the ref' }),
  Type.Object({ kind: Type.Literal('tenant') }, closed)
])
export type HoldScope = Static<typeof HoldScope>

/** Nothing of the scope may be erased or removed, until released or until the time is over. */
export const HoldPlacedData = Type.Object({
  scope: HoldScope,
  reason: Reason,
  until: Type.Union([Timestamp, Type.Null()])
}, closed)
export type HoldPlacedData = Static<typeof HoldPlacedData>

export const HoldReleasedData = Type.Object({
  reason: Type.Union([Reason, Type.Null()])
}, closed)
export type HoldReleasedData = Static<typeof HoldReleasedData>

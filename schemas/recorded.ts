import { Type, type Static } from '@sinclair/typebox'
import {
  ACTOR_TYPES, Category, Change, EntityType, Identifier, Name, Outcome, Tenant, Timestamp, Uuid
} from './primitives.ts'

/** The version of the log's own form. A new shape gets a new number and an upcaster. */
export const RECORD_VERSION = 1

/**
 * One subject's personal data of one event, encrypted under that subject's data key.
 * `paths` are JSON Pointers into the record; a sealed value inside before, after, data,
 * description or changes is `null` there, everywhere else the member is absent.
 * Bytes are base64url without padding.
 */
export const SealedSection = Type.Object({
  ref: Uuid,
  paths: Type.Array(Type.String()),
  commit: Type.String({ description: 'HMAC-SHA256(r, JCS(plain))' }),
  iv: Type.String(),
  ct: Type.String({ description: 'AES-256-GCM of JCS({plain, r}), tag appended' }),
  find: Type.Optional(Type.Record(Type.String(), Type.String(), {
    description: 'path -> HMAC under the same data key: found by who knows subject and value'
  }))
}, { additionalProperties: false })
export type SealedSection = Static<typeof SealedSection>

/** Who or what, as the log names it: a person by a random ref, everything else by its id. */
export const RecordedActor = Type.Object({
  type: Type.Union(ACTOR_TYPES.map((type) => Type.Literal(type))),
  ref: Type.Optional(Uuid),
  id: Type.Optional(Identifier),
  name: Type.Optional(Name)
}, { additionalProperties: false })
export type RecordedActor = Static<typeof RecordedActor>

export const RecordedEntity = Type.Object({
  type: EntityType,
  ref: Type.Optional(Uuid),
  id: Type.Optional(Identifier),
  name: Type.Optional(Name)
}, { additionalProperties: false })
export type RecordedEntity = Static<typeof RecordedEntity>

/** The data of an event in the log. Members appear only where the producer sent them. */
export const RecordedData = Type.Object({
  v: Type.Literal(RECORD_VERSION),
  tenant: Tenant,
  category: Category,
  outcome: Outcome,
  occurredAt: Timestamp,
  recordedAt: Timestamp,
  source: Name,
  actor: RecordedActor,
  entity: Type.Optional(RecordedEntity),
  related: Type.Optional(Type.Array(RecordedEntity)),
  description: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  tags: Type.Optional(Type.Array(Type.String())),
  before: Type.Optional(Type.Unknown()),
  after: Type.Optional(Type.Unknown()),
  changes: Type.Optional(Type.Union([Type.Array(Change), Type.Null()])),
  data: Type.Optional(Type.Unknown()),
  context: Type.Optional(Type.Record(Type.String(), Type.String())),
  sealed: Type.Optional(Type.Array(SealedSection))
}, { additionalProperties: false })
export type RecordedData = Static<typeof RecordedData>

/** An event as the log returns it. `data` is checked only where it says so. */
export interface Recorded {
  id: string
  stream: string
  revision: bigint
  /** Commit position in `$all`. */
  position: bigint
  /** Prepare position in `$all`; equal to the commit position on every server seen, kept apart. */
  prepare: bigint
  type: string
  data: unknown
  /** The data as the log holds it, where that is JSON and whoever read it kept the text. */
  json?: string
  metadata: unknown
}

/** A recorded event whose data has been checked: what projections and readers work with. */
export interface DecodedEvent {
  id: string
  stream: string
  revision: bigint
  position: bigint
  prepare: bigint
  action: string
  data: RecordedData
  correlationId: string | undefined
  causationId: string | undefined
  /** SHA-256(0x00 || leaf data), 32 bytes. */
  leafHash: Buffer
}

/** Where an event was recorded, as the read models know it: what a receipt needs. */
export interface ProjectedEvent {
  stream: string
  revision: bigint
  position: bigint
  recordedAt: string
  leafHash: Buffer
}

/** What the read models know of ids and streams, of one moment. */
export interface Projected {
  /** Those of the ids that are projected. */
  known: ReadonlyMap<string, ProjectedEvent>
  /** The last projected revision of those of the streams that have one. */
  revisions: ReadonlyMap<string, bigint>
}

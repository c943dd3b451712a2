import { FormatRegistry, Type, type Static, type TSchema } from '@sinclair/typebox'

// By themselves, for producers' code that checks them and needs no schema.
export { BATCH_MAX_BYTES, BATCH_MAX_EVENTS, EVENT_MAX_BYTES } from './limits.ts'

/** Leaf data of one event; the ceiling of C2SP tlog-tiles entry bundles. */
export const LEAF_MAX_BYTES = 65_535
/** Nesting of objects and arrays; the event object itself is level 1. */
export const DEPTH_MAX = 32
/** Members of all objects of one event together; room for CHANGES_MAX changes. */
export const KEYS_MAX = 4_096
export const TAGS_MAX = 32
export const TAG_MAX_LENGTH = 64
export const RELATED_MAX = 20
export const CHANGES_MAX = 1_000
export const PERSONAL_MAX = 20
export const PERSONAL_PATHS_MAX = 64
export const ACTION_MAX_LENGTH = 128
export const ID_MAX_LENGTH = 256
export const NAME_MAX_LENGTH = 256
export const DESCRIPTION_MAX_LENGTH = 4_096
export const POINTER_MAX_LENGTH = 512
export const TENANT_MAX_LENGTH = 63
export const ENTITY_TYPE_MAX_LENGTH = 64

/** Actions and entity types that start so are written by the ledger itself, never by a producer. */
export const RESERVED_ACTION_PREFIX = 'ledger.'
export const RESERVED_ENTITY_TYPE_PREFIX = 'ledger_'
/** The tenant of server-level events: keys without a tenant, refusals of such keys. */
export const SERVER_TENANT = 'ledger'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const UTC = /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,3})?Z$/

/**
 * Whether the text is an RFC 3339 moment in UTC, seconds to milliseconds, on a day that exists.
 * Finer fractions are refused: storing them would round evidence.
 */
export function isUtcTimestamp (text: string): boolean {
  const found = UTC.exec(text)
  if (found === null) return false
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])]
  return year >= 1 && day >= 1 && day <= daysOf(year, month)
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Days of a month of the Gregorian calendar; none where there is no such month. */
function daysOf (year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return (DAYS[month - 1] ?? 0) + (leap ? 1 : 0)
}

// TypeBox refuses every string of a format that it does not know, so each is registered once, here.
FormatRegistry.Set('uuid', (text) => UUID.test(text))
FormatRegistry.Set('date-time', isUtcTimestamp)

/** A schema's value, or null. */
export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const Uuid = Type.String({ format: 'uuid', description: 'UUID, lower case' })
export const Timestamp = Type.String({
  format: 'date-time',
  description: 'RFC 3339, UTC, at most milliseconds: 2026-11-20T07:13:00.000Z'
})
/** A 64-bit number (position, revision) as JSON carries it. */
export const Int64 = Type.String({
  pattern: '^(0|[1-9][0-9]{0,18})$', description: '64-bit number'
})

export const Tenant = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]*$', maxLength: TENANT_MAX_LENGTH, description: 'Organisation'
})
export const Action = Type.String({
  pattern: '^[a-z][a-z0-9_]*(\\.[a-z0-9_]+)*$',
  maxLength: ACTION_MAX_LENGTH,
  description: 'Dotted name in the past tense: order.updated'
})
export const ActionPattern = Type.String({
  pattern: '^[a-z][a-z0-9_]*(\\.[a-z0-9_]+)*(\\.\\*)?$',
  maxLength: ACTION_MAX_LENGTH,
  description: 'Exactly, or everything below: auth.*'
})
export const EntityType = Type.String({
  pattern: '^[A-Za-z_][A-Za-z0-9_.-]*$', maxLength: ENTITY_TYPE_MAX_LENGTH
})
export const Identifier = Type.String({ minLength: 1, maxLength: ID_MAX_LENGTH })
export const Name = Type.String({ minLength: 1, maxLength: NAME_MAX_LENGTH })
/** RFC 6901, never the empty pointer: the whole event cannot be one person's. */
export const JsonPointer = Type.String({
  pattern: '^(/([^~/]|~[01])*)+$', maxLength: POINTER_MAX_LENGTH
})

const closed = { additionalProperties: false }

export const Category = Type.Union([
  Type.Literal('action'), Type.Literal('auth'), Type.Literal('change'), Type.Literal('access'),
  Type.Literal('api'), Type.Literal('external'), Type.Literal('system'), Type.Literal('task')
])
export type Category = Static<typeof Category>

export const Outcome = Type.Union([
  Type.Literal('success'), Type.Literal('failure'), Type.Literal('denied')
])
export type Outcome = Static<typeof Outcome>

/** Who did it. A user, service or agent has an id; an anonymous actor has nothing. */
export const Actor = Type.Union([
  Type.Object({
    type: Type.Literal('user'),
    id: Identifier,
    name: Type.Optional(Name),
    email: Type.Optional(Type.String({ minLength: 1, maxLength: NAME_MAX_LENGTH }))
  }, closed),
  Type.Object({
    type: Type.Union([Type.Literal('service'), Type.Literal('agent')]),
    id: Identifier,
    name: Type.Optional(Name)
  }, closed),
  Type.Object({
    type: Type.Literal('system'),
    id: Type.Optional(Identifier),
    name: Type.Optional(Name)
  }, closed),
  Type.Object({ type: Type.Literal('anonymous') }, closed)
])
export type Actor = Static<typeof Actor>
export const ACTOR_TYPES = ['user', 'service', 'agent', 'system', 'anonymous'] as const
export type ActorType = typeof ACTOR_TYPES[number]

/** What it happened to. */
export const EntityRef = Type.Object({
  type: EntityType, id: Identifier, name: Type.Optional(Name)
}, closed)
export type EntityRef = Static<typeof EntityRef>

/** A person whom personal data is about, as a producer names it. */
export const SubjectRef = Type.Object({ type: EntityType, id: Identifier }, closed)
export type SubjectRef = Static<typeof SubjectRef>

/** Where and through what it happened. */
export const Context = Type.Object({
  ip: Type.Optional(Type.String({ minLength: 2, maxLength: 64 })),
  userAgent: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
  sessionId: Type.Optional(Identifier),
  requestId: Type.Optional(Identifier),
  traceparent: Type.Optional(Type.String({
    pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$', description: 'W3C Trace Context'
  }))
}, closed)
export type Context = Static<typeof Context>

/** One changed field, where the producer sends changes instead of whole states. */
export const Change = Type.Object({
  path: JsonPointer,
  before: Type.Optional(Type.Unknown()),
  after: Type.Optional(Type.Unknown())
}, closed)
export type Change = Static<typeof Change>

/** Parts of the event that are one person's data: sealed under that person's key. */
export const Personal = Type.Object({
  subject: SubjectRef,
  paths: Type.Array(JsonPointer, { minItems: 1, maxItems: PERSONAL_PATHS_MAX })
}, closed)
export type Personal = Static<typeof Personal>

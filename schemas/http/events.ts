import { Type, type Static } from '@sinclair/typebox'
import {
  ActionPattern, ACTOR_TYPES, Category, Change, ENTITY_TYPE_MAX_LENGTH, EntityType,
  ID_MAX_LENGTH, Identifier, Int64, Name, Outcome, TAG_MAX_LENGTH, Timestamp, Uuid
} from '../primitives.ts'
import { Problem } from '../problem.ts'
import { CountMode, pageOf, Paging, Render } from './paging.ts'
import { InclusionProof } from './proofs.ts'

/** `wait=n` waits so long at most, whatever n says. */
export const WAIT_MAX_S = 30
export const IDEMPOTENCY_KEY_MAX_LENGTH = 255

const LeafHash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the leaf, hex' })

/** What an append gives back: where the event is now, for ever. */
export const Receipt = Type.Object({
  id: Uuid,
  stream: Type.String(),
  revision: Int64,
  position: Int64,
  recordedAt: Timestamp,
  leafHash: LeafHash,
  duplicate: Type.Boolean({
    description: 'The event was recorded before; this is its first receipt'
  }),
  projected: Type.Optional(Type.Boolean({
    description: 'With Prefer: wait, whether reads show the event already'
  })),
  proof: Type.Optional(InclusionProof)
}, { title: 'Receipt' })
export type Receipt = Static<typeof Receipt>

/** One of many: its status is what the event alone would have been answered. */
export const ItemResult = Type.Object({
  status: Type.Integer(),
  receipt: Type.Optional(Receipt),
  problem: Type.Optional(Problem)
}, { title: 'ItemResult' })
export type ItemResult = Static<typeof ItemResult>

export const BatchResult = Type.Object({ items: Type.Array(ItemResult) }, { title: 'BatchResult' })

export const AppendHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String({
    pattern: '^[\\x21-\\x7e]+$',
    maxLength: IDEMPOTENCY_KEY_MAX_LENGTH,
    description: 'Events without an id get one that is the same whenever the request is repeated'
  })),
  prefer: Type.Optional(Type.String({
    description:
      `wait=n: answer when reads show the events, after n (up to ${WAIT_MAX_S}) seconds anyway; ` +
      'wait=n; until=proven: when a signed checkpoint includes them; receipts then have a proof'
  }))
})

/** Whatever hides a value that is there. */
const HIDDEN = {
  sealed: Type.Optional(Type.Literal(true, { description: 'Not for this reader' })),
  erased: Type.Optional(Type.Literal(true, { description: 'The person was erased' })),
  erasure: Type.Optional({ ...Uuid, description: 'By this erasure' }),
  erasedAt: Type.Optional(Timestamp),
  tampered: Type.Optional(Type.Literal(true, { description: 'Not what was sealed' }))
}

/** Who or what, as a reader sees it. */
export const Party = Type.Object({
  type: Type.String(),
  id: Type.Optional(Identifier),
  name: Type.Optional(Name),
  email: Type.Optional(Type.String()),
  ...HIDDEN
})

/** An event that corrects another, as it is shown with that. */
export const CorrectedBy = Type.Object({
  id: Uuid,
  kind: Type.Union([Type.Literal('supersedes'), Type.Literal('annotates')]),
  reason: Type.Unknown(),
  actor: Party,
  source: Name,
  recordedAt: Timestamp
}, { title: 'CorrectedBy' })
export type CorrectedBy = Static<typeof CorrectedBy>

/** An event as a reader sees it. */
export const EventView = Type.Object({
  id: Uuid,
  stream: Type.String(),
  revision: Int64,
  position: Int64,
  action: Type.String(),
  category: Category,
  outcome: Outcome,
  leafHash: LeafHash,
  correlationId: Type.Optional(Identifier),
  causationId: Type.Optional(Identifier),
  actor: Party,
  entity: Type.Optional(Party),
  related: Type.Optional(Type.Array(Party)),
  occurredAt: Timestamp,
  recordedAt: Timestamp,
  source: Name,
  description: Type.Optional(Type.Unknown()),
  tags: Type.Optional(Type.Array(Type.String())),
  context: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  before: Type.Optional(Type.Unknown()),
  after: Type.Optional(Type.Unknown()),
  changes: Type.Optional(Type.Array(Change)),
  data: Type.Optional(Type.Unknown()),
  rendered: Type.Optional(Type.String({ description: 'With render=true: the event in one line' })),
  correctedBy: Type.Optional(Type.Array(CorrectedBy, {
    description: 'Where one event is read: the events that correct it, the newest first'
  }))
}, { title: 'RecordedEvent' })
export type EventView = Static<typeof EventView>

export const EventPage = pageOf(EventView)

const ActorFilter = Type.String({
  minLength: 1,
  maxLength: ID_MAX_LENGTH + 16,
  description: `Who did it: an id, or type:id with a type of ${ACTOR_TYPES.join(', ')}`
})
const EntityFilter = Type.String({
  pattern: '^[A-Za-z_][A-Za-z0-9_.-]*:.',
  maxLength: ENTITY_TYPE_MAX_LENGTH + 1 + ID_MAX_LENGTH,
  description: 'What it happened to: type:id'
})
const Needle = (description: string) => Type.String({
  minLength: 1, maxLength: ID_MAX_LENGTH, description
})

/** Characters of a search. */
export const SEARCH_MAX_LENGTH = 256

/** Filters of every list of events; all that are given must hold. */
export const EventFilters = {
  action: Type.Optional(ActionPattern),
  category: Type.Optional(Category),
  outcome: Type.Optional(Outcome),
  source: Type.Optional(Needle('Name of the key that sent it')),
  tag: Type.Optional(Type.String({ minLength: 1, maxLength: TAG_MAX_LENGTH })),
  correlationId: Type.Optional(Needle('As the producer sent it')),
  q: Type.Optional(Type.String({
    minLength: 1,
    maxLength: SEARCH_MAX_LENGTH,
    description: 'Words of its clear text, all of them: action, description, tags, names and ids ' +
      'of entities that are no persons, texts in data, before, after and changes; "several ' +
      'words" one after the other; begin* a word that begins so. Nothing sealed is found'
  })),
  from: Type.Optional({ ...Timestamp, description: 'occurredAt, inclusive' }),
  to: Type.Optional({ ...Timestamp, description: 'occurredAt, exclusive' }),
  recordedFrom: Type.Optional({ ...Timestamp, description: 'recordedAt, inclusive' }),
  recordedTo: Type.Optional({ ...Timestamp, description: 'recordedAt, exclusive' })
}

const OWNED = 'Where a person acts, or it happened to one, only together with actor or entity: ' +
  'it is sealed under that person\'s key'

export const EventsQuery = Type.Object({
  actor: Type.Optional(ActorFilter),
  entity: Type.Optional(EntityFilter),
  entityType: Type.Optional(EntityType),
  ip: Type.Optional(Needle(OWNED)),
  session: Type.Optional(Needle(OWNED)),
  ...EventFilters,
  ...Paging,
  count: Type.Optional(CountMode),
  render: Render
}, { additionalProperties: false })

/** The query of lists whose actor or entity is settled by their address. */
export const NarrowQuery = Type.Object({
  ...EventFilters, ...Paging, count: Type.Optional(CountMode), render: Render
}, { additionalProperties: false })

export const EventParams = Type.Object({ id: Uuid })
export const NoQuery = Type.Object({}, { additionalProperties: false })

import { Type, type Static } from '@sinclair/typebox'
import {
  EntityType, Identifier, Int64, Name, nullable, Timestamp, Uuid
} from '../primitives.ts'
import { Party } from './events.ts'

export const EntityParams = Type.Object({ type: EntityType, id: Identifier })

const MOMENT_MAX_LENGTH = 40
const at = (which: string) => Type.String({
  minLength: 1,
  maxLength: MOMENT_MAX_LENGTH,
  description: `${which}: a revision (7), a position (position:1234) or an RFC 3339 time, inclusive`
})
const AxisChoice = Type.Union([Type.Literal('recorded'), Type.Literal('occurred')], {
  description: 'Which clock a time is of; recorded, the ledger\'s own, if left out'
})

export const StateQuery = Type.Object({
  at: Type.Optional(at('The moment; what reads show now if left out')),
  axis: Type.Optional(AxisChoice)
}, { additionalProperties: false })

export const DiffQuery = Type.Object({
  from: at('The earlier moment'),
  to: Type.Optional(at('The later moment; what reads show now if left out')),
  axis: Type.Optional(AxisChoice)
}, { additionalProperties: false })

/** The last event that counts; null: none does, nothing was known yet. */
export const AsOf = Type.Union([Type.Object({
  id: Uuid,
  revision: Int64,
  position: Int64,
  occurredAt: Timestamp,
  recordedAt: Timestamp
}), Type.Null()], { description: 'The last event of the entity that the state includes' })
export type AsOf = Static<typeof AsOf>

/** The event that set a part of a state. */
export const SetBy = Type.Object({
  id: Uuid, revision: Int64, position: Int64, recordedAt: Timestamp
}, { title: 'SetBy' })
export type SetBy = Static<typeof SetBy>

const Entity = Type.Object({ type: EntityType, id: Identifier })
const Hidden = Type.Integer({
  description: 'Events whose states the reader cannot see: what they changed is not included'
})

const Gone = Type.Integer({
  description: 'Events that retention removed: what only they said of the entity is not included'
})

export const StateView = Type.Object({
  entity: Entity,
  exists: Type.Boolean({ description: 'false: nothing known of it, or deleted' }),
  state: Type.Unknown(),
  setBy: Type.Record(Type.String(), SetBy, {
    description: 'JSON Pointer of each value of the state -> the event that set it'
  }),
  asOf: AsOf,
  events: Type.Integer({ description: 'Events that happened to the entity until then' }),
  hidden: Hidden,
  removed: Gone
}, { title: 'EntityState' })

export const BlameView = Type.Object({
  entity: Entity,
  exists: Type.Boolean({ description: 'false: nothing known of it, or deleted' }),
  fields: Type.Array(Type.Composite([
    Type.Object({
      path: Type.String({ description: 'JSON Pointer into the state' }),
      value: Type.Unknown(),
      action: Type.String(),
      actor: Party,
      source: Name,
      occurredAt: Timestamp
    }), SetBy
  ])),
  asOf: AsOf,
  events: Type.Integer({ description: 'Events that happened to the entity until then' }),
  hidden: Hidden,
  removed: Gone
}, { title: 'EntityBlame' })

const Changes = Type.Array(Type.Object({
  path: Type.String(),
  before: Type.Optional(Type.Unknown()),
  after: Type.Optional(Type.Unknown())
}))

/** What one event changed. */
export const EventDiffView = Type.Object({
  id: Uuid,
  action: Type.String(),
  entity: Type.Optional(Party),
  operation: nullable(Type.String()),
  changes: Changes,
  validationErrors: Type.Array(Type.Unknown()),
  businessRules: Type.Array(Type.Unknown()),
  hidden: Type.Boolean({ description: 'Some of what it changed is not for the reader to see' })
}, { title: 'EventDiff' })

export const DiffView = Type.Object({
  entity: Entity,
  from: AsOf,
  to: AsOf,
  changes: Changes,
  hidden: Hidden,
  removed: Gone
}, { title: 'EntityDiff' })

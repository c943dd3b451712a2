import { Type, type Static } from '@sinclair/typebox'
import { Category, Identifier, Outcome, Timestamp } from '../primitives.ts'
import { EventsQuery } from './events.ts'

/** Groups of one facet when the request does not say, and at most. */
export const TOP_DEFAULT = 20
export const TOP_MAX = 1_000

const GROUPING = '(category|action|outcome|actor|day|source|entityType)'

/** A day or a moment; that it exists is checked where it is used. */
const Moment = (description: string) => Type.String({
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{8,12}Z)?$', description
})

export const AggregationsQuery = Type.Object({
  groupBy: Type.Optional(Type.String({
    pattern: `^${GROUPING}(,${GROUPING}){0,6}$`,
    description: 'category, action, outcome, actor, day, source, entityType; several separated ' +
      'by commas'
  })),
  interval: Type.Optional(Type.Union([
    Type.Literal('hour'), Type.Literal('day'), Type.Literal('week'), Type.Literal('month')
  ], { description: 'Counts by stretches of time (UTC) with events in them: the facet interval' })),
  category: Type.Optional(Category),
  action: Type.Optional(Type.String({
    pattern: '^[a-z][a-z0-9_]*(\\.[a-z0-9_]+)*(\\.\\*)?$',
    maxLength: 128,
    description: 'Exactly, or everything below: auth.*'
  })),
  outcome: Type.Optional(Outcome),
  actor: EventsQuery.properties.actor,
  source: EventsQuery.properties.source,
  entityType: EventsQuery.properties.entityType,
  from: Type.Optional(Moment('occurredAt: a day or a moment (UTC), inclusive')),
  to: Type.Optional(Moment('occurredAt: a day, inclusive, or a moment, exclusive')),
  top: Type.Optional(Type.Integer({
    minimum: 1,
    maximum: TOP_MAX,
    description: `Groups of each facet; ${TOP_DEFAULT} if left out, of an interval ${TOP_MAX}`
  }))
}, { additionalProperties: false })

/** Who acted, in a group: a person by the ref that stands for them in the log. */
const Actor = Type.Object({
  type: Type.String(), id: Type.Optional(Identifier), ref: Type.Optional(Type.String())
})

export const Facet = Type.Object({
  groups: Type.Array(Type.Object({
    key: Type.Union([Type.String(), Actor]),
    events: Type.Integer(),
    firstAt: Timestamp,
    lastAt: Timestamp
  })),
  size: Type.Integer({ description: 'How many groups there are' }),
  events: Type.Integer({ description: 'Events of all of them' }),
  capped: Type.Boolean({ description: 'There are more than were counted: the latest were' })
}, { title: 'Facet' })
export type Facet = Static<typeof Facet>

export const Aggregations = Type.Object({
  facets: Type.Record(Type.String(), Facet)
}, { title: 'Aggregations' })

import { Type, type Static } from '@sinclair/typebox'
import { Category, Identifier, Outcome, Timestamp } from '../primitives.ts'
import { EventsQuery } from './events.ts'
import { Day } from './users.ts'

/** Groups of one facet when the request does not say, and at most. */
export const TOP_DEFAULT = 20
export const TOP_MAX = 400

const GROUPING = '(category|action|outcome|actor|day)'

export const AggregationsQuery = Type.Object({
  groupBy: Type.String({
    pattern: `^${GROUPING}(,${GROUPING}){0,4}$`,
    description: 'category, action, outcome, actor, day; several separated by commas'
  }),
  category: Type.Optional(Category),
  action: Type.Optional(Type.String({
    pattern: '^[a-z][a-z0-9_]*(\\.[a-z0-9_]+)*$', maxLength: 128, description: 'Exactly'
  })),
  outcome: Type.Optional(Outcome),
  actor: EventsQuery.properties.actor,
  from: Type.Optional(Day),
  to: Type.Optional(Day),
  top: Type.Optional(Type.Integer({
    minimum: 1,
    maximum: TOP_MAX,
    description: `Groups of each facet; ${TOP_DEFAULT} if left out`
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
  events: Type.Integer({ description: 'Events of all of them' })
}, { title: 'Facet' })
export type Facet = Static<typeof Facet>

export const Aggregations = Type.Object({
  facets: Type.Record(Type.String(), Facet)
}, { title: 'Aggregations' })

import { Type, type Static } from '@sinclair/typebox'
import {
  EntityType, Identifier, nullable, Outcome, TAG_MAX_LENGTH, Timestamp
} from '../primitives.ts'
import { EventFilters } from './events.ts'
import { OffsetPaging, OffsetTotals } from './offset.ts'

const FIELDS_MAX_LENGTH = 512
const ULID = '^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$'
const UUID = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

/** Filters of every list; all that are given must hold. */
export const ActivitiesQuery = Type.Object({
  user_id: Type.Optional({ ...Identifier, description: 'For auditors: whose activities' }),
  activity_type: EventFilters.action,
  entity_type: Type.Optional(EntityType),
  entity_id: Type.Optional({ ...Identifier, description: 'Goes with entity_type' }),
  status: Type.Optional(Outcome),
  tag: Type.Optional(Type.String({ minLength: 1, maxLength: TAG_MAX_LENGTH })),
  start_date: Type.Optional({ ...Timestamp, description: 'created_at, inclusive' }),
  end_date: Type.Optional({ ...Timestamp, description: 'created_at, exclusive' }),
  fields: Type.Optional(Type.String({
    pattern: '^[a-z_]+(,[a-z_]+)*$',
    maxLength: FIELDS_MAX_LENGTH,
    description: 'Only these members of each item: id,activity_type'
  })),
  ...OffsetPaging
}, { additionalProperties: false })
export type ActivitiesQuery = Static<typeof ActivitiesQuery>

export const TruledgrActivityParams = Type.Object({
  activity_id: Type.String({
    pattern: `${ULID}|${UUID}`, description: 'ULID, or the event\'s own id'
  })
})
export const TruledgrUserParams = Type.Object({ user_id: Identifier })

/** Members of an item depend on the list and on `fields`; what is not known is null. */
export const TruledgrActivity = Type.Partial(Type.Object({
  id: Type.String({ description: 'ULID' }),
  activity_type: Type.String(),
  user_id: nullable(Identifier),
  description: Type.Unknown(),
  entity_type: nullable(Type.String()),
  entity_id: nullable(Type.String()),
  status: Outcome,
  details: Type.Unknown(),
  context: Type.Unknown(),
  tags: Type.Array(Type.String()),
  created_at: Timestamp,
  updated_at: Timestamp
}, { additionalProperties: true }), { title: 'TruledgrActivity' })

export const TruledgrActivities = Type.Object({
  items: Type.Array(TruledgrActivity), ...OffsetTotals
}, { title: 'TruledgrActivities' })

const Counts = Type.Record(Type.String(), Type.Integer())

/** What a user did, counted. */
export const TruledgrSummary = Type.Object({
  user_id: { ...nullable(Type.String()), description: 'null: nothing of one\'s own is shown' },
  total_activities: Type.Integer(),
  by_activity_type: Counts,
  by_category: Counts,
  by_status: Counts,
  by_day: Counts,
  first_activity_at: nullable(Timestamp),
  last_activity_at: nullable(Timestamp)
}, { title: 'TruledgrSummary' })

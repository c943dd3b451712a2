import { Type, type Static } from '@sinclair/typebox'
import { ACTION_MAX_LENGTH, EntityType, Identifier, nullable, Timestamp } from '../primitives.ts'
import { PAGE_MAX } from './paging.ts'
import { OFFSET_MAX, Total } from './offset.ts'

/** Entries of a page when the request does not say. */
export const PAGE_SIZE_DEFAULT = 20
const ACTIVITY_ID = '^(act_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

const page = {
  page: Type.Optional(Type.Integer({
    minimum: 1, description: `1 if left out; pages skip at most ${OFFSET_MAX} entries`
  })),
  pageSize: Type.Optional(Type.Integer({
    minimum: 1,
    description: `Entries per page; ${PAGE_SIZE_DEFAULT} if left out, at most ${PAGE_MAX}`
  }))
}

/** Sovrium's parameters, and Mosaic's filters for the same path. */
export const ActivityQuery = Type.Object({
  ...page,
  table: Type.Optional({ ...EntityType, description: 'Only records of this table' }),
  action: Type.Optional(Type.String({
    pattern: '^[A-Za-z][A-Za-z0-9_]*(\\.[a-z0-9_]+)*(\\.\\*)?$',
    maxLength: ACTION_MAX_LENGTH,
    description: 'create, update, delete, restore, LOGIN, LOGOUT, …, an action, or auth.*'
  })),
  userId: Type.Optional({ ...Identifier, description: 'Who did it' }),
  entityType: Type.Optional({ ...EntityType, description: 'What kind of thing it happened to' }),
  entityId: Type.Optional({ ...Identifier, description: 'Which one: goes with entityType' }),
  startDate: Type.Optional({ ...Timestamp, description: 'createdAt, inclusive' }),
  endDate: Type.Optional({ ...Timestamp, description: 'createdAt, exclusive' })
}, { additionalProperties: false })
export type ActivityQuery = Static<typeof ActivityQuery>

export const ActivityPagesQuery = Type.Object(page, { additionalProperties: false })

export const ActivityParams = Type.Object({
  activityId: Type.String({ pattern: ACTIVITY_ID, description: 'act_… or the event\'s own id' })
})

export const AuditParams = Type.Object({ entityType: EntityType, entityId: Identifier })

/** An entry as Sovrium shows it; null: not applicable, or the person was erased. */
export const Activity = Type.Object({
  id: Type.String(),
  action: Type.String(),
  tableName: nullable(Type.String()),
  recordId: Type.Union([Type.Integer(), Type.String(), Type.Null()]),
  createdAt: Timestamp,
  user: nullable(Type.Object({
    id: nullable(Identifier),
    name: nullable(Type.String()),
    email: nullable(Type.String())
  }))
}, { title: 'Activity' })
export type Activity = Static<typeof Activity>

/** Everything about one entry, in the words of Sovrium and Mosaic. */
export const ActivityDetail = Type.Composite([Activity, Type.Object({
  workspaceId: Type.String(),
  userId: nullable(Identifier),
  entityType: nullable(Type.String()),
  entityId: nullable(Type.String()),
  description: Type.Unknown(),
  metadata: Type.Unknown(),
  before: Type.Unknown(),
  after: Type.Unknown(),
  ipAddress: Type.Unknown(),
  userAgent: Type.Unknown(),
  outcome: Type.String(),
  recordedAt: Timestamp,
  href: Type.String({ description: 'The event itself' })
})], { title: 'ActivityDetail' })
export type ActivityDetail = Static<typeof ActivityDetail>

const Pagination = Type.Object({
  ...Total,
  page: Type.Integer(),
  pageSize: Type.Integer(),
  totalPages: Type.Integer()
})
export type Pagination = Static<typeof Pagination>

export const ActivityPage = Type.Object({
  activities: Type.Array(Activity), pagination: Pagination
}, { title: 'ActivityPage' })

export const ActivityTrail = Type.Object({
  activities: Type.Array(ActivityDetail), pagination: Pagination
}, { title: 'ActivityTrail' })

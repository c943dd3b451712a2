import { Type } from '@sinclair/typebox'
import { Identifier, nullable, Tenant, Timestamp, Uuid } from '../primitives.ts'
import { EventFilters } from './events.ts'
import { pageOf, Paging } from './paging.ts'
import { TasksQuery } from './tasks.ts'

export const OrganizationParams = Type.Object({ organizationId: Tenant })
export const OrganizationQuery = Type.Object({
  type: EventFilters.action, from: EventFilters.from, to: EventFilters.to, ...Paging
}, { additionalProperties: false })
export const OrganizationTasksQuery = Type.Omit(TasksQuery, ['entity'], {
  additionalProperties: false
})

/** What a user did in an organisation. */
export const OrganizationActions = pageOf(Type.Object({
  organization: Tenant,
  type: Type.String({ format: 'uuid', description: 'Always the same for the same action' }),
  name: Type.String({ description: 'The action' }),
  user: nullable(Identifier),
  createdAt: Timestamp
}, { title: 'OrganizationAction' }))

/** Everything that happened in an organisation. */
export const OrganizationEventLogs = pageOf(Type.Object({
  id: Uuid,
  type: Type.String({ description: 'The action' }),
  user: nullable(Identifier),
  organization: Tenant,
  data: Type.Unknown(),
  createdAt: Timestamp
}, { title: 'OrganizationEventLog' }))

/** Where an organisation's work of several steps stands. */
export const OrganizationTasks = pageOf(Type.Object({
  entity: Type.String({ description: 'Id of what the task is about; of a person the ref' }),
  type: nullable(Type.String()),
  status: nullable(Type.String()),
  updatedAt: Timestamp
}, { title: 'OrganizationTask' }))

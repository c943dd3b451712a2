import type { FastifyRequest } from 'fastify'
import type { InnerFilter } from '../../../projections/entries/filter.ts'
import { countSelection, listSelection, type EventFilter } from
  '../../../projections/entries/queries.ts'
import { listTasks } from '../../../projections/tasks/queries.ts'
import {
  OrganizationActions, OrganizationEventLogs, OrganizationParams, OrganizationQuery,
  OrganizationTasks, OrganizationTasksQuery
} from '../../../schemas/http/equa.ts'
import type { EventView } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { LedgerError } from '../../errors.ts'
import { uuidOfText } from '../../ledger/ids.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { sealCursor } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { narrowFilter } from '../filters.ts'
import { pageRequest, sendEvents, sendPage, type EventList } from '../pages.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'
import { actingUserId } from './shown.ts'
import { ofTheSystems } from './window.ts'

const tags = ['Equa']
const LIST = {
  tags, params: OrganizationParams, querystring: OrganizationQuery, headers: AtLeast
} as const

/** What users did in the organisation, newest first. */
export const organizationActions = (services: Services): Endpoint => endpoint({
  ...LIST,
  summary: 'List the actions of an organisation',
  operationId: 'equaActions',
  response: { 200: OrganizationActions }
}, async (request, reply) => {
  const organization = organizationOf(request, request.params.organizationId)
  const filter = { ...filterOf(request.query), actorType: 'user' }
  return await sendEvents(services, request, reply, listOf(filter, (event) => ({
    organization,
    type: uuidOfText(event.action),
    name: event.action,
    user: actingUserId(event),
    createdAt: event.occurredAt
  })))
})

/** Everything that happened in the organisation, newest first. */
export const organizationEventLogs = (services: Services): Endpoint => endpoint({
  ...LIST,
  summary: 'List the event logs of an organisation',
  operationId: 'equaEventLogs',
  response: { 200: OrganizationEventLogs }
}, async (request, reply) => {
  const organization = organizationOf(request, request.params.organizationId)
  const filter = ofTheSystems(filterOf(request.query))
  return await sendEvents(services, request, reply, listOf(filter, (event) => ({
    id: event.id,
    type: event.action,
    user: actingUserId(event),
    organization,
    data: event.data ?? null,
    createdAt: event.occurredAt
  })))
})

/** Where the organisation's work of several steps stands, the latest touched first. */
export const organizationTasks = (services: Services): Endpoint => endpoint({
  summary: 'List the tasks of an organisation',
  operationId: 'equaTasks',
  tags,
  params: OrganizationParams,
  querystring: OrganizationTasksQuery,
  headers: AtLeast,
  response: { 200: OrganizationTasks }
}, async (request, reply) => {
  organizationOf(request, request.params.organizationId)
  const { type, status } = request.query
  const { limit, before, scope } = await pageRequest(services, request, request.query)
  const tasks = await readTenant(services, request, reply, async (tx) => {
    return await listTasks(tx, { type, status }, { limit: limit + 1, before })
  })
  const last = tasks.length > limit ? tasks[limit - 1] : undefined
  const nextCursor = last === undefined ? null : sealCursor(scope, String(last.lastPosition))
  const items = tasks.slice(0, limit).map(({ entityKey, taskType, status, updatedAt }) => {
    return JSON.stringify({ entity: entityKey, type: taskType, status, updatedAt })
  })
  return await sendPage(request, reply, { items, nextCursor })
})

/** An organisation is a tenant, and a key sees its own. Throws NOT_FOUND for any other. */
function organizationOf (request: FastifyRequest, organizationId: string): string {
  if (organizationId === tenantOf(callerOf(request))) return organizationId
  throw new LedgerError('NOT_FOUND', 'There is no such organisation')
}

function filterOf ({ type, from, to }: typeof OrganizationQuery['static']): EventFilter {
  return narrowFilter({
    ...(type !== undefined && { action: type }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to })
  })
}

function listOf (filter: InnerFilter, show: (event: EventView) => unknown): EventList {
  return {
    page: async (tx, page) => await listSelection(tx, { filter }, page),
    count: async (tx, cap) => await countSelection(tx, { filter }, cap),
    show
  }
}

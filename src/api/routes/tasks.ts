import {
  listTasks as readTasks, type Task, type TaskFilter
} from '../../../projections/tasks/queries.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { TaskPage, TasksQuery, type TaskView } from '../../../schemas/http/tasks.ts'
import { isPersonType } from '../../privacy/personal.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { sealCursor } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { entityOf } from '../filters.ts'
import { pageRequest, sendPage } from '../pages.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'

/** Tasks as their latest events leave them. */
export const listTasks = (services: Services): Endpoint => endpoint({
  summary: 'List tasks',
  description: 'Entities of events of the category task, the latest touched first. A task that ' +
    'is touched while pages are read moves to the front, so it can be seen twice, never missed.',
  operationId: 'listTasks',
  tags: ['trails and feeds'],
  querystring: TasksQuery,
  headers: AtLeast,
  response: { 200: TaskPage }
}, async (request, reply) => {
  const tenant = tenantOf(callerOf(request))
  const { type, status, entity } = request.query
  const filter: TaskFilter = {
    type,
    status,
    entity: entity === undefined ? undefined : await entityOf(services.vault, tenant, entity)
  }
  const { limit, before, scope } = await pageRequest(services, request, request.query)
  const tasks = await readTenant(services, request, reply, async (tx) => {
    return await readTasks(tx, filter, { limit: limit + 1, before })
  })
  const last = tasks.length > limit ? tasks[limit - 1] : undefined
  const nextCursor = last === undefined ? null : sealCursor(scope, String(last.lastPosition))
  const items = tasks.slice(0, limit).map((task) => JSON.stringify(viewOf(task)))
  return await sendPage(request, reply, { items, nextCursor })
})

function viewOf (task: Task): TaskView {
  return {
    entity: named(task.entityType, task.entityKey),
    type: task.taskType,
    status: task.status,
    title: task.title,
    actor: named(task.actorType, task.actorKey),
    events: Number(task.events),
    createdAt: task.createdAt,
    updatedAt: task.updatedAt,
    firstPosition: String(task.firstPosition),
    lastPosition: String(task.lastPosition),
    history: trailOf(task.entityType, task.entityKey)
  }
}

/** A person's trail is found by the ref, too. */
function trailOf (type: string, key: string): string {
  return `/v1/entities/${encodeURIComponent(type)}/${encodeURIComponent(key)}/events`
}

/** Rows name a person by the ref, which alone they know. */
function named (type: string, key: string | null): TaskView['actor'] {
  if (key === null) return { type }
  return isPersonType(type, {}) ? { type, ref: key } : { type, id: key }
}

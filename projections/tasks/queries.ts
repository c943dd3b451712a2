import type { Page } from '../entries/select.ts'
import type { Tx } from '../projection.ts'

export interface TaskFilter {
  /** The task's own type (`data.taskType`). */
  type?: string | undefined
  status?: string | undefined
  entity?: { type: string, key: string } | undefined
}

/** The present state of a task. Times are RFC 3339, UTC. */
export interface Task {
  entityType: string
  entityKey: string
  taskType: string | null
  status: string | null
  title: string | null
  /** Who acted last; no key for one without an id. */
  actorType: string
  actorKey: string | null
  firstPosition: bigint
  /** Orders the list. */
  lastPosition: bigint
  createdAt: string
  updatedAt: string
  events: bigint
}

const TASK = `
  t.entity_type as "entityType", t.entity_key as "entityKey", t.task_type as "taskType",
  t.status, t.title, t.actor_type as "actorType", t.actor_key as "actorKey",
  t.first_position as "firstPosition", t.last_position as "lastPosition", t.events,
  to_char(t.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt",
  to_char(t.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "updatedAt"`

/** A page of tasks, the latest touched first; `before` and `after` are about lastPosition. */
export async function listTasks (tx: Tx, filter: TaskFilter, page: Page): Promise<Task[]> {
  const values: unknown[] = []
  const param = (value: unknown): string => '$' + values.push(value)
  const where = ['true']
  if (filter.type !== undefined) where.push(`t.task_type = ${param(filter.type)}`)
  if (filter.status !== undefined) where.push(`t.status = ${param(filter.status)}`)
  if (filter.entity !== undefined) {
    where.push(`t.entity_type = ${param(filter.entity.type)}`)
    where.push(`t.entity_key = ${param(filter.entity.key)}`)
  }
  if (page.before !== undefined) where.push(`t.last_position < ${param(page.before)}`)
  if (page.after !== undefined) where.push(`t.last_position > ${param(page.after)}`)
  const forward = page.after !== undefined && page.before === undefined
  const { rows } = await tx.query<Task>(`select ${TASK} from read.task t
    where ${where.join(' and ')}
    order by t.last_position ${forward ? 'asc' : 'desc'} limit ${param(page.limit)}`, values)
  return forward ? rows.reverse() : rows
}

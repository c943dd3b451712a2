import { NAME_MAX_LENGTH } from '../../schemas/primitives.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { bigintColumn, textColumn, timestampColumn } from '../columns.ts'
import { actorKey, entityKey, joined, tenantOf } from '../keys.ts'
import type { Projection, Statement } from '../projection.ts'

interface TaskRow {
  first: DecodedEvent
  last: DecodedEvent
  type: string
  key: string
  taskType: string | null
  status: string | null
  title: string | null
  events: number
}

const UPSERT: Statement = {
  name: 'upsert_tasks',
  text: `
    insert into task as t (
      tenant, entity_type, entity_key, task_type, status, title, actor_type, actor_key,
      first_position, last_position, created_at, updated_at, events)
    select * from unnest(
      $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
      $8::text[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[],
      $13::bigint[])
    on conflict (tenant, entity_type, entity_key) do update set
      task_type = coalesce(excluded.task_type, t.task_type),
      status = coalesce(excluded.status, t.status),
      title = coalesce(excluded.title, t.title),
      actor_type = excluded.actor_type,
      actor_key = excluded.actor_key,
      last_position = excluded.last_position,
      updated_at = excluded.updated_at,
      events = t.events + excluded.events
    where excluded.first_position > t.last_position`
}

/** The present state of every task: what its latest events say, where they say something. */
export const tasks: Projection = {
  name: 'tasks',
  version: 1,
  tables: 'projections/tasks/tables.sql',
  views: ['task'],
  async apply ({ events }, tx) {
    const rows = foldTasks(events)
    if (rows.length === 0) return
    await tx.query(UPSERT, [
      textColumn(rows.map(({ last }) => tenantOf(last))),
      textColumn(rows.map(({ type }) => type)),
      textColumn(rows.map(({ key }) => key)),
      textColumn(rows.map(({ taskType }) => taskType)),
      textColumn(rows.map(({ status }) => status)),
      textColumn(rows.map(({ title }) => title)),
      textColumn(rows.map(({ last }) => last.data.actor.type)),
      textColumn(rows.map(({ last }) => actorKey(last.data.actor))),
      bigintColumn(rows.map(({ first }) => first.position)),
      bigintColumn(rows.map(({ last }) => last.position)),
      timestampColumn(rows.map(({ first }) => first.data.occurredAt)),
      timestampColumn(rows.map(({ last }) => last.data.occurredAt)),
      bigintColumn(rows.map(({ events }) => events))
    ])
  }
}

function foldTasks (events: readonly DecodedEvent[]): TaskRow[] {
  const found = new Map<string, TaskRow>()
  for (const event of events) {
    const { category, entity } = event.data
    const key = entity && entityKey(entity)
    if (category !== 'task' || entity === undefined || key === undefined || key === null) continue
    const name = joined(tenantOf(event), entity.type, key)
    const before = found.get(name)
    found.set(name, {
      first: before?.first ?? event,
      last: event,
      type: entity.type,
      key,
      taskType: textMember(event, 'taskType') ?? before?.taskType ?? null,
      status: textMember(event, 'status') ?? before?.status ?? null,
      title: entity.name ?? before?.title ?? null,
      events: (before?.events ?? 0) + 1
    })
  }
  return [...found.values()]
}

/** The data may be sealed or another program's: only a text counts, of an indexable length. */
function textMember ({ data: { data } }: DecodedEvent, name: 'taskType' | 'status'): string | null {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, name)) return null
  const value: unknown = Reflect.get(data, name)
  return typeof value === 'string' ? cut(value) : null
}

/** Never inside a surrogate pair: half a character is not text. */
function cut (text: string): string {
  const shortened = text.slice(0, NAME_MAX_LENGTH)
  return /[\uD800-\uDBFF]$/.test(shortened) ? shortened.slice(0, -1) : shortened
}

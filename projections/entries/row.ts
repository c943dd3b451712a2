import type { DecodedEvent } from '../../schemas/recorded.ts'
import {
  bigintColumn, hashColumn, textColumn, timestampColumn, uuidColumn
} from '../columns.ts'
import { actorKey, entityKey, tenantOf } from '../keys.ts'
import type { NamingRow } from './erase.ts'
import { findable, storedView } from './view.ts'

/** A row of `entry`: its event, and what an erasure can take out of it. */
export interface EntryRow extends NamingRow {
  event: DecodedEvent
}

/** The row of an event, whoever was erased since. */
export function entryRow (event: DecodedEvent): EntryRow {
  const { data, position } = event
  return {
    event,
    position,
    actor_key: actorKey(data.actor),
    entity_key: data.entity === undefined ? null : entityKey(data.entity),
    ip: findable(data, 'ip'),
    session: findable(data, 'sessionId'),
    ...storedView(event)
  }
}

/** The columns of `entry`, in the order of entryColumns. */
export const ENTRY_COLUMNS = [
  'tenant', 'position', 'prepare', 'id', 'stream', 'revision', 'action', 'category', 'outcome',
  'source', 'actor_type', 'actor_key', 'entity_type', 'entity_key', 'ip', 'session',
  'correlation_id', 'occurred_at', 'recorded_at', 'leaf_hash', 'body', 'head', 'sealed'
] as const

/** One `unnest` for each of them. */
export const UNNESTED_COLUMNS = [
  'text', 'bigint', 'bigint', 'uuid', 'text', 'bigint', 'text', 'text', 'text', 'text', 'text',
  'text', 'text', 'text', 'text', 'text', 'text', 'timestamptz', 'timestamptz', 'bytea', 'text',
  'text', 'text'
].map((type, at) => `unnest($${at + 1}::${type}[])`)

/** Rows as parameters. */
export function entryColumns (rows: readonly EntryRow[]): Buffer[] {
  const events = rows.map(({ event }) => event)
  return [
    textColumn(events.map(tenantOf)),
    bigintColumn(events.map(({ position }) => position)),
    bigintColumn(events.map(({ prepare }) => prepare)),
    uuidColumn(events.map(({ id }) => id)),
    textColumn(events.map(({ stream }) => stream)),
    bigintColumn(events.map(({ revision }) => revision)),
    textColumn(events.map(({ action }) => action)),
    textColumn(events.map(({ data }) => data.category)),
    textColumn(events.map(({ data }) => data.outcome)),
    textColumn(events.map(({ data }) => data.source)),
    textColumn(events.map(({ data }) => data.actor.type)),
    textColumn(rows.map((row) => row.actor_key)),
    textColumn(events.map(({ data }) => data.entity?.type)),
    textColumn(rows.map((row) => row.entity_key)),
    textColumn(rows.map(({ ip }) => ip)),
    textColumn(rows.map(({ session }) => session)),
    textColumn(events.map(({ correlationId }) => correlationId)),
    timestampColumn(events.map(({ data }) => data.occurredAt)),
    timestampColumn(events.map(({ data }) => data.recordedAt)),
    hashColumn(events.map(({ leafHash }) => leafHash)),
    textColumn(rows.map(({ body }) => body)),
    textColumn(rows.map(({ head }) => head)),
    textColumn(rows.map(({ sealed }) => sealed))
  ]
}

/** The tags of an event, each once. */
export function tagsOf ({ data }: DecodedEvent): string[] {
  return [...new Set(data.tags)]
}

import type { DecodedEvent } from '../../schemas/recorded.ts'
import {
  bigintColumn, hashColumn, textColumn, timestampColumn, uuidColumn
} from '../columns.ts'
import { actorKey, entityKey, tenantOf } from '../keys.ts'
import type { Batch, Projection, Statement, Tx } from '../projection.ts'
import { eraseEntries } from './erase.ts'
import { removeEntries } from './remove.ts'
import { findable, storedView } from './view.ts'

/** In the select list the arrays are walked together; in `from` each would be stored first. */
const INSERT_ENTRIES: Statement = {
  name: 'insert_entries',
  text: `
    insert into entry (
      tenant, position, prepare, id, stream, revision, action, category, outcome, source,
      actor_type, actor_key, entity_type, entity_key, ip, session, correlation_id,
      occurred_at, recorded_at, leaf_hash, body, head, sealed)
    select unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::uuid[]),
      unnest($5::text[]), unnest($6::bigint[]), unnest($7::text[]), unnest($8::text[]),
      unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::text[]),
      unnest($13::text[]), unnest($14::text[]), unnest($15::text[]), unnest($16::text[]),
      unnest($17::text[]), unnest($18::timestamptz[]), unnest($19::timestamptz[]),
      unnest($20::bytea[]), unnest($21::text[]), unnest($22::text[]), unnest($23::text[])
    on conflict do nothing`
}

const INSERT_TAGS: Statement = {
  name: 'insert_tags',
  text: `
    insert into entry_tag (tenant, position, tag)
    select * from unnest($1::text[], $2::bigint[], $3::text[])`
}

const FIND_POSITIONS: Statement = {
  name: 'find_positions',
  text: `
    select e.position
    from unnest($1::text[], $2::bigint[]) as p (tenant, position)
    join entry e on e.tenant = p.tenant and e.position = p.position`
}

/** One row per event. */
export const entries: Projection = {
  name: 'entries',
  version: 2,
  tables: 'projections/entries/tables.sql',
  views: ['entry', 'entry_tag', 'removed_entry'],
  async apply (batch, tx) {
    const [{ rowCount }] = await Promise.all([insertEntries(batch, tx), insertTags(batch, tx)])
    if (rowCount !== batch.events.length) await parkDuplicates(batch, tx)
  },
  erase: async (persons, tx) => ({ entry: await eraseEntries(persons, tx) }),
  remove: removeEntries
}

async function insertEntries ({ events }: Batch, tx: Tx): Promise<{ rowCount: number | null }> {
  const views = events.map(storedView)
  return await tx.query(INSERT_ENTRIES, [
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
    textColumn(events.map(({ data }) => actorKey(data.actor))),
    textColumn(events.map(({ data }) => data.entity?.type)),
    textColumn(events.map(({ data }) => data.entity && entityKey(data.entity))),
    textColumn(events.map(({ data }) => findable(data, 'ip'))),
    textColumn(events.map(({ data }) => findable(data, 'sessionId'))),
    textColumn(events.map(({ correlationId }) => correlationId)),
    timestampColumn(events.map(({ data }) => data.occurredAt)),
    timestampColumn(events.map(({ data }) => data.recordedAt)),
    hashColumn(events.map(({ leafHash }) => leafHash)),
    textColumn(views.map(({ body }) => body)),
    textColumn(views.map(({ head }) => head)),
    textColumn(views.map(({ sealed }) => sealed))
  ])
}

async function insertTags ({ events }: Batch, tx: Tx): Promise<void> {
  const rows = events.flatMap((event) =>
    [...new Set(event.data.tags)].map((tag) => ({ event, tag })))
  if (rows.length === 0) return
  await tx.query(INSERT_TAGS, [
    textColumn(rows.map(({ event }) => tenantOf(event))),
    bigintColumn(rows.map(({ event }) => event.position)),
    textColumn(rows.map(({ tag }) => tag))
  ])
}

/** The id was there already, in another stream: the first one keeps it. */
async function parkDuplicates (batch: Batch, tx: Tx): Promise<void> {
  const { rows } = await tx.query<{ position: bigint | string }>(FIND_POSITIONS, [
    textColumn(batch.events.map(tenantOf)),
    bigintColumn(batch.events.map(({ position }) => position))
  ])
  const kept = new Set(rows.map(({ position }) => BigInt(position)))
  for (const event of batch.events) {
    if (!kept.has(event.position)) batch.park(event, 'DUPLICATE_ID', duplicate(event))
  }
}

function duplicate (event: DecodedEvent): string {
  return `event ${event.id} was recorded before, in another stream of ${tenantOf(event)}`
}

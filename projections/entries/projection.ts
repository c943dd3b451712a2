import type { DecodedEvent } from '../../schemas/recorded.ts'
import { bigintColumn, textColumn } from '../columns.ts'
import { tenantOf } from '../keys.ts'
import type { Batch, Projection, Statement, Tx } from '../projection.ts'
import { eraseEntries } from './erase.ts'
import { removeEntries } from './remove.ts'
import { ENTRY_COLUMNS, entryColumns, entryRow, tagsOf, UNNESTED_COLUMNS } from './row.ts'

/** In the select list the arrays are walked together; in `from` each would be stored first. */
const INSERT_ENTRIES: Statement = {
  name: 'insert_entries',
  text: `
    insert into entry (${ENTRY_COLUMNS.join(', ')})
    select ${UNNESTED_COLUMNS.join(', ')}
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
  return await tx.query(INSERT_ENTRIES, entryColumns(events.map(entryRow)))
}

async function insertTags ({ events }: Batch, tx: Tx): Promise<void> {
  const rows = events.flatMap((event) => tagsOf(event).map((tag) => ({ event, tag })))
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

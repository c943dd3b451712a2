import { bigintColumn, textColumn } from '../columns.ts'
import type { Statement, Tx } from '../projection.ts'
import { ENTRY_COLUMNS, entryColumns, UNNESTED_COLUMNS, type EntryRow } from './row.ts'

/** Where a row is. */
export interface Place {
  tenant: string
  position: bigint
}

const row = (table: string): string => ENTRY_COLUMNS.map((name) => `${table}.${name}`).join(', ')

const DIFFERING: Statement = {
  name: 'differing_entries',
  text: `
    select due.tenant, due.position from (
      select ${UNNESTED_COLUMNS.map((column, at) => `${column} as ${ENTRY_COLUMNS[at]}`).join(', ')}
    ) due
    join read.entry e on e.tenant = due.tenant and e.position = due.position
    where (${row('e')}) is distinct from (${row('due')})`
}

/** The join goes from tenant to tenant, for positions are in no index but a tenant's. */
const PLACES: Statement = {
  name: 'entry_places',
  text: `
    select e.tenant, e.position from unnest($1::text[]) as asked (tenant)
    cross join lateral (
      select tenant, position from read.entry
      where tenant = asked.tenant and position > $2 and position <= $3) e`
}

const REMOVED: Statement = {
  name: 'removed_places',
  text: `
    select r.tenant, r.position, r.run, r.id, r.stream, r.revision, r.leaf_hash as "leafHash"
    from unnest($1::text[], $2::bigint[]) as asked (tenant, position)
    join read.removed_entry r on r.tenant = asked.tenant and r.position = asked.position`
}

const ADDRESSES: Statement = {
  name: 'entry_addresses',
  text: `
    select e.tenant, e.position, e.stream, e.revision
    from unnest($1::text[], $2::bigint[]) as asked (tenant, position)
    join read.entry e on e.tenant = asked.tenant and e.position = asked.position`
}

/** Which of these rows are there and say anything else. */
export async function differingEntries (tx: Tx, rows: readonly EntryRow[]): Promise<Place[]> {
  return (await tx.query<Place>(DIFFERING, entryColumns(rows))).rows
}

/** Where there are rows of these tenants, after a position up to another one. */
export async function entryPlaces (
  tx: Tx, tenants: readonly string[], { after, to }: { after: bigint, to: bigint }
): Promise<Place[]> {
  return (await tx.query<Place>(PLACES, [textColumn(tenants), after, to])).rows
}

/** What is left of an event whose row a retention run removed. */
export interface RemovedPlace extends Place {
  run: bigint
  id: string
  stream: string
  revision: bigint
  leafHash: Buffer
}

/** Which of these places have had their rows removed. */
export async function removedPlaces (tx: Tx, places: readonly Place[]): Promise<RemovedPlace[]> {
  return (await tx.query<RemovedPlace>(REMOVED, columnsOf(places))).rows
}

/** Where in the log the events of these rows are. */
export async function entryAddresses (
  tx: Tx, places: readonly Place[]
): Promise<Array<Place & { stream: string, revision: bigint }>> {
  return (await tx.query<Place & { stream: string, revision: bigint }>(
    ADDRESSES, columnsOf(places))).rows
}

function columnsOf (places: readonly Place[]): Buffer[] {
  return [
    textColumn(places.map(({ tenant }) => tenant)),
    bigintColumn(places.map(({ position }) => position))
  ]
}

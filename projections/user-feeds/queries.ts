import type { EventFilter } from '../entries/filter.ts'
import {
  countSelection, listSelection, type After, type EventRow, type Page, type Selection
} from '../entries/queries.ts'
import type { Tx } from '../projection.ts'

/** A person by the ref in use (a lower-case UUID), and by older ones that an event may name. */
export interface PersonRefs {
  ref: string
  others?: readonly string[] | undefined
}

/** A page of the events by or about the person. */
export async function listFeed (
  tx: Tx, person: PersonRefs, filter: EventFilter, page: Page
): Promise<EventRow[]> {
  return await listSelection(tx, { filter, driver: { table: 'user_feed', ...person } }, page)
}

/** How many events a feed has, counted exactly up to `cap` and no further. */
export async function countFeed (
  tx: Tx, person: PersonRefs, filter: EventFilter, cap: number
): Promise<number> {
  return await countSelection(tx, { filter, driver: { table: 'user_feed', ...person } }, cap)
}

/**
 * A person's own log: what they did, and what programs did for them, such as a worker that
 * finishes their job. What other persons did to them is not in it.
 */
export function ownLog (ref: string, filter: EventFilter): Selection {
  return { filter, driver: { table: 'user_feed', ref, role: 'own' } }
}

/** What a person did: their own log without what programs did for them. */
export function actedBy (ref: string, filter: EventFilter): Selection {
  return { filter, driver: { table: 'user_feed', ref, role: 'actor' } }
}

/** Where the log has an event by or about a person that retention removed. */
export interface RemovedPlace {
  id: string
  stream: string
  revision: bigint
  position: bigint
}

/** The first events by or about the person after a position that retention removed, ascending. */
export async function listRemovedFeed (
  tx: Tx, { ref, others = [] }: PersonRefs, { after, limit }: After
): Promise<RemovedPlace[]> {
  const { rows } = await tx.query<RemovedPlace>(`
    select r.id, r.stream, r.revision, r.position
    from read.removed_feed f
    join read.removed_entry r on r.tenant = f.tenant and r.position = f.position
    where f.ref = any($1::uuid[]) and f.position > $2
    order by f.position limit $3`, [[ref, ...others], after, limit])
  return rows.map((row) => ({
    ...row, revision: BigInt(row.revision), position: BigInt(row.position)
  }))
}

/** How many of them there are up to a position. */
export async function countRemovedFeed (
  tx: Tx, { ref, others = [] }: PersonRefs, until: bigint
): Promise<number> {
  const { rows: [row] } = await tx.query<{ count: bigint }>(`
    select count(*) as count from read.removed_feed f
    where f.ref = any($1::uuid[]) and f.position <= $2`, [[ref, ...others], until])
  return Number(row?.count ?? 0)
}

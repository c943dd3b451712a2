import type { EventFilter } from '../entries/filter.ts'
import {
  countSelection, listSelection, type EventRow, type Page, type Selection
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

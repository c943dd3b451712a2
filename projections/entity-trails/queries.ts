import type { EventFilter, Until } from '../entries/filter.ts'
import { countSelection, listSelection, type EventRow, type Page } from '../entries/queries.ts'
import type { Tx } from '../projection.ts'

export type { Until } from '../entries/filter.ts'

/** An entity by its type and its id, or a person's ref. */
export interface EntityKey {
  type: string
  key: string
}

const TRAIL_PAGE = 500

/** A page of the events that happened to the entity or name it as related. */
export async function listTrail (
  tx: Tx, entity: EntityKey, filter: EventFilter, page: Page
): Promise<EventRow[]> {
  return await listSelection(tx, { filter, driver: { table: 'entity_trail', ...entity } }, page)
}

/** How many events a trail has, counted exactly up to `cap` and no further. */
export async function countTrail (
  tx: Tx, entity: EntityKey, filter: EventFilter, cap: number
): Promise<number> {
  return await countSelection(tx, { filter, driver: { table: 'entity_trail', ...entity } }, cap)
}

/**
 * What happened to the entity up to a moment, oldest first, for folding its state: pages of 500
 * are fetched as they are consumed, inside the given transaction. Events that merely name the
 * entity as related are left out: they do not change it.
 */
export async function * trailUntil (
  tx: Tx, { type, key }: EntityKey, until: Until
): AsyncGenerator<EventRow> {
  const selection = {
    filter: { until },
    driver: { table: 'entity_trail', type, key, role: 'entity' }
  } as const
  let after = -1n
  while (true) {
    const page = await listSelection(tx, selection, { limit: TRAIL_PAGE, after })
    const rows = page.reverse()
    yield * rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < TRAIL_PAGE) return
    after = last.position
  }
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  countSelection, listSelection, nthPosition, type EventFilter, type EventRow, type Selection
} from '../../../projections/entries/queries.ts'
import type { Tx } from '../../../projections/projection.ts'
import type { EventView } from '../../../schemas/http/events.ts'
import { OFFSET_MAX } from '../../../schemas/http/offset.ts'
import { COUNT_MAX, PAGE_DEFAULT, PAGE_MAX } from '../../../schemas/http/paging.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { accessOf, presentRows } from '../present.ts'
import { readTenant } from '../reading.ts'
import { refuseRemoved } from '../removed.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'

/** A request and its answer. */
export interface Exchange {
  request: FastifyRequest
  reply: FastifyReply
}

/** Which rows a page shows, counted from the newest. */
export interface Window {
  limit: number
  offset: number
}

/** The rows of a window, and how many there are in all. */
export interface WindowPage {
  events: EventView[]
  total: number
  /** There are more than `total`: nobody counts further. */
  totalIsCapped?: true
}

/** A limit beyond the cap is the cap, as the systems have it, and the answer says so. */
export function capped (limit = PAGE_DEFAULT): number {
  return Math.min(limit, PAGE_MAX)
}

/** Refuses windows that would skip more than OFFSET_MAX rows; `pointer` names the parameter. */
export function requireNear ({ offset }: Window, pointer: string): void {
  if (offset <= OFFSET_MAX) return
  throw refusal([{
    pointer,
    detail: `skips more than ${OFFSET_MAX} entries: narrow the filter, or go on with the cursors ` +
      'of GET /v1/events'
  }])
}

/**
 * A window of a selection, newest first, as the caller may see it; undefined selects nothing. The
 * total goes up to COUNT_MAX.
 */
export async function readWindow (
  services: Services, { request, reply }: Exchange,
  selection: Selection | undefined, window: Window
): Promise<WindowPage> {
  const caller = callerOf(request)
  const reader = { tenant: tenantOf(caller), access: accessOf(caller) }
  const { rows, count } = await readTenant(services, request, reply, async (tx) => {
    if (selection === undefined) return { rows: [], count: 0 }
    const [rows, count] = await Promise.all([
      rowsOf(tx, selection, window), countSelection(tx, selection, COUNT_MAX + 1)
    ])
    return { rows, count }
  })
  const texts = await presentRows(services, reader, rows)
  request.eventsRead = rows.length
  return {
    events: texts.map((text): EventView => JSON.parse(text)),
    total: Math.min(count, COUNT_MAX),
    ...(count > COUNT_MAX && { totalIsCapped: true })
  }
}

/** The newest event of a selection, as the caller may see it; undefined: there is none. */
export async function readNewest (
  services: Services, { request, reply }: Exchange, selection: Selection
): Promise<EventView | undefined> {
  const caller = callerOf(request)
  const rows = await readTenant(services, request, reply, async (tx) => {
    return await listSelection(tx, selection, { limit: 1 })
  })
  const reader = { tenant: tenantOf(caller), access: accessOf(caller) }
  const [text] = await presentRows(services, reader, rows)
  return text === undefined ? undefined : JSON.parse(text)
}

/**
 * One event of a selection, as the caller may see it. Throws REMOVED where retention took it away
 * from those who may see everything: of others nobody can tell any more whether it was theirs.
 * Else throws NOT_FOUND.
 */
export async function readShown (
  services: Services, { request, reply }: Exchange, id: string, selection: Selection = ALL
): Promise<EventView> {
  const { filter, driver } = selection
  const event = await readNewest(services, { request, reply }, {
    ...selection, filter: { ...filter, id }
  })
  if (event !== undefined) return event
  if (driver === undefined) {
    await readTenant(services, request, reply, async (tx) => await refuseRemoved(tx, id))
  }
  throw new LedgerError('NOT_FOUND', 'There is no such event, or reads do not show it yet')
}

const ALL: Selection = { filter: {} }

/**
 * What the users of the five systems did, which the ledger's own events are no part of, or every
 * reading would add to what is read: a list has them if it is asked for an action, an actor or an
 * entity.
 */
export function ofTheSystems (filter: EventFilter): Selection['filter'] {
  const { action, actor, entity, entityType } = filter
  const isAsked = [action, actor, entity, entityType].some((asked) => asked !== undefined)
  return isAsked ? filter : { ...filter, notOwn: true }
}

async function rowsOf (
  tx: Tx, selection: Selection, { limit, offset }: Window
): Promise<EventRow[]> {
  if (offset === 0) return await listSelection(tx, selection, { limit })
  const first = await nthPosition(tx, selection, offset)
  if (first === undefined) return []
  return await listSelection(tx, selection, { limit, before: first + 1n })
}

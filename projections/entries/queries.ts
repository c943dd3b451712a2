import type { Projected, ProjectedEvent } from '../../schemas/recorded.ts'
import type { Tx } from '../projection.ts'
import type { EventFilter } from './filter.ts'
import { BOUNDS, countFound, isFound, selectFound, type Bounds } from './found.ts'
import {
  explainCount, isForward, selectCount, selectCountUntil, selectLatestOfEach, selectNth, selectPage,
  selectPositions, type After, type Page, type Query, type Selection
} from './select.ts'

export type { EventFilter } from './filter.ts'
export type { After, Page, Selection } from './select.ts'

/**
 * An event as it is shown, in parts: `{` + body + the members of head + `}` is its JSON once what
 * `sealed` holds is opened into head. `leafHash` in the body is hex.
 */
export interface EventRow {
  id: string
  position: bigint
  stream: string
  revision: bigint
  /** JSON text without braces: the members with nothing sealed inside. Never empty. */
  body: string
  /** JSON object of the members that have something sealed inside. */
  head: string
  /** JSON array of the sealed sections, or null. */
  sealed: string | null
}

/** A page of the tenant's events. Run inside a tenant's transaction, as all queries here. */
export async function listEvents (tx: Tx, filter: EventFilter, page: Page): Promise<EventRow[]> {
  if (!isFound(filter)) return await listSelection(tx, { filter }, page)
  return await listRows(tx, selectFound(filter, page, await boundsOf(tx)), page)
}

/** How many events pass the filter, counted exactly up to `cap` and no further. */
export async function countEvents (tx: Tx, filter: EventFilter, cap: number): Promise<number> {
  if (!isFound(filter)) return await countSelection(tx, { filter }, cap)
  return await count(tx, countFound(filter, cap, await boundsOf(tx)))
}

/** The planner's guess of how many events pass: quick, and right to an order of magnitude. */
export async function estimateEvents (tx: Tx, filter: EventFilter): Promise<number> {
  const { statement, values } = explainCount({ filter })
  const { rows: [row] } = await tx.query<{ 'QUERY PLAN': unknown }>(statement, values)
  const [plan] = row?.['QUERY PLAN'] as Array<{ Plan: { 'Plan Rows': number } }>
  return plan?.Plan['Plan Rows'] ?? 0
}

/** One event of the tenant by its id (a lower-case UUID), undefined if it is not there (yet). */
export async function findEvent (tx: Tx, id: string): Promise<EventRow | undefined> {
  const [row] = await listSelection(tx, { filter: { id } }, { limit: 1 })
  return row
}

/**
 * Which of the ids are projected, with what a receipt needs, and the last projected revision of
 * each stream: one statement, so both are of one moment.
 */
export async function projectedLookup (
  tx: Tx, ids: readonly string[], streams: readonly string[]
): Promise<Projected> {
  const { rows } = await tx.query<LookupRow>(LOOKUP, [ids, streams])
  const known = new Map<string, ProjectedEvent>()
  const revisions = new Map<string, bigint>()
  for (const { id, stream, revision, position, recordedAt, leafHash } of rows) {
    if (id === null) revisions.set(stream, BigInt(revision))
    else {
      known.set(id, {
        stream, revision: BigInt(revision), position: BigInt(position), recordedAt, leafHash
      })
    }
  }
  return { known, revisions }
}

interface LookupRow {
  id: string | null
  stream: string
  revision: bigint
  position: bigint
  recordedAt: string
  leafHash: Buffer
}

const LOOKUP = {
  name: 'projected_lookup',
  text: `
    select e.id, e.stream, e.revision, e.position, e.leaf_hash as "leafHash",
      to_char(e.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "recordedAt"
    from read.entry e
    where e.id = any($1::uuid[])
    union all
    select r.id, r.stream, r.revision, r.position, r.leaf_hash,
      to_char(r.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    from read.removed_entry r
    where r.id = any($1::uuid[])
    union all
    select null, asked.stream, greatest(shown.revision, removed.revision), null, null, null
    from unnest($2::text[]) as asked (stream)
    left join lateral (
      select e.revision from read.entry e
      where e.stream = asked.stream
      order by e.revision desc limit 1) shown on true
    left join lateral (
      select r.revision from read.removed_entry r
      where r.stream = asked.stream
      order by r.revision desc limit 1) removed on true
    where coalesce(shown.revision, removed.revision) is not null`
}

/** A page of a selection: what the queries of feeds and trails are made of. */
export async function listSelection (
  tx: Tx, selection: Selection, page: Page
): Promise<EventRow[]> {
  return await listRows(tx, selectPage(selection, page), page)
}

async function listRows (
  tx: Tx, { statement, values }: Query, page: Page
): Promise<EventRow[]> {
  const { rows } = await tx.query<EventRow>(statement, values)
  const decoded = rows.map(eventRow)
  return isForward(page) ? decoded.reverse() : decoded
}

/** The positions of the first events of a selection after a position, ascending. */
export async function listPositions (
  tx: Tx, selection: Selection, page: After
): Promise<bigint[]> {
  const { statement, values } = selectPositions(selection, page)
  const { rows } = await tx.query<{ position: bigint | string }>(statement, values)
  return rows.map(({ position }) => BigInt(position))
}

/** The latest event of each entity of a type that has few, in the order of their ids. */
export async function latestOfEach (
  tx: Tx, entityType: string, limit: number
): Promise<EventRow[]> {
  const { statement, values } = selectLatestOfEach(entityType, limit)
  const { rows } = await tx.query<EventRow>(statement, values)
  return rows.map(eventRow)
}

/**
 * The position of the event after the `offset` newest ones of a selection, undefined if there are
 * no more: so wide rows are only read for the page itself, not for what is skipped.
 */
export async function nthPosition (
  tx: Tx, selection: Selection, offset: number
): Promise<bigint | undefined> {
  const { statement, values } = selectNth(selection, offset)
  const { rows: [row] } = await tx.query<{ position: bigint | string }>(statement, values)
  return row && BigInt(row.position)
}

/** The size of a selection, counted no further than `cap`. */
export async function countSelection (
  tx: Tx, selection: Selection, cap: number
): Promise<number> {
  return await count(tx, selectCount(selection, cap))
}

async function count (tx: Tx, { statement, values }: Query): Promise<number> {
  const { rows: [row] } = await tx.query<{ count: bigint | string }>(statement, values)
  return Number(row?.count ?? 0)
}

async function boundsOf (tx: Tx): Promise<Bounds> {
  const { rows: [row] } = await tx.query<Bounds>(BOUNDS)
  return row ?? { first: null, last: null }
}

/** The size of a selection up to a position, inclusive: counted as far as it goes. */
export async function countUntil (
  tx: Tx, selection: Selection, until: bigint
): Promise<number> {
  return await count(tx, selectCountUntil(selection, until))
}

function eventRow ({ id, position, stream, revision, body, head, sealed }: EventRow): EventRow {
  return {
    id, position: BigInt(position), stream, revision: BigInt(revision), body, head, sealed
  }
}

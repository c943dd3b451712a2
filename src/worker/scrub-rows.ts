import { bigintColumn } from '../../projections/columns.ts'
import {
  differingEntries, entryPlaces, removedPlaces, type Place, type RemovedPlace
} from '../../projections/entries/compare.ts'
import { eraseRow } from '../../projections/entries/erase.ts'
import { entries } from '../../projections/entries/projection.ts'
import { entryRow, tagsOf, type EntryRow } from '../../projections/entries/row.ts'
import { entityTrails, trailRows } from '../../projections/entity-trails/projection.ts'
import { grouped, joined, tenantOf } from '../../projections/keys.ts'
import type { Erased } from '../../projections/projection.ts'
import { feedRows, userFeeds } from '../../projections/user-feeds/projection.ts'
import { SUBJECT_TYPE } from '../../schemas/events/ledger.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import type { Log } from '../ledger/log.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction, type Tx } from '../postgres/transaction.ts'
import { erasedUntil, positionsByRef } from './erased.ts'
import { falseClaims } from './scrub-claims.ts'

/** A stretch of the log: the leaves after a position, up to and including another one. */
export interface Stretch {
  events: readonly DecodedEvent[]
  after: bigint
  to: bigint
  /** Tenants whose rows are looked at where the log has nothing. */
  tenants: readonly string[]
}

/** A place where rows are not what their event says. */
export interface RowDifference extends Place {
  kind: 'tampered' | 'missing' | 'foreign'
  /** In words. */
  what: string
}

/** Why rows may be other than what the event alone says. */
export interface Excuses {
  /** Everybody who was erased, of those whom the events name. */
  erased: readonly Erased[]
  removed: readonly RemovedPlace[]
  /** Position -> why the read models could not take it. */
  parked: ReadonlyMap<bigint, string>
}

/** Compared by the version that this program has: rows of another one come out differently. */
const COMPARED = [entries, userFeeds, entityTrails]

/**
 * Compares what lists, feeds and trails are read from with what the events of the log say: the row
 * of each event, its tags, and whom it concerns. What an erasure or a retention run took away
 * counts as gone if the log orders it. All is read at one moment, so a batch or an erasure
 * meanwhile is no difference; while a generation is built nothing is compared.
 */
export async function compareRows (
  { pool, log }: { pool: Pool, log: Log }, stretch: Stretch
): Promise<RowDifference[]> {
  const found = await inTransaction(pool, async (tx) => {
    await tx.query('set transaction isolation level repeatable read, read only')
    const until = await builtUntil(tx)
    if (until === undefined || until < stretch.to) return undefined
    const excuses = await readExcuses(tx, stretch.events, until)
    return { excuses, differences: await differencesOf(tx, stretch, excuses) }
  })
  if (found === undefined) return []
  const { excuses, differences } = found
  return [...differences, ...await falseClaims({ pool, log }, stretch.events, excuses)]
}

/** How far the rows are that readers see; undefined unless they are of this program's versions. */
async function builtUntil (tx: Tx): Promise<bigint | undefined> {
  const { rows } = await tx.query<{ position: bigint | null }>(`
    select p.commit_position as position from control.projection p
    join unnest($1::text[], $2::integer[]) as known (name, version)
      on known.name = p.name and known.version = p.version
    where p.state = 'live'`,
  [COMPARED.map(({ name }) => name), COMPARED.map(({ version }) => version)])
  if (rows.length < COMPARED.length) return undefined
  const positions = rows.map(({ position }) => position ?? -1n)
  return positions.reduce((least, position) => position < least ? position : least)
}

async function readExcuses (
  tx: Tx, events: readonly DecodedEvent[], until: bigint
): Promise<Excuses> {
  const [erased, removed, { rows }] = await Promise.all([
    erasedUntil(tx, [...positionsByRef(events).values()], until),
    removedPlaces(tx, events.map(placeOf)),
    tx.query<{ position: bigint, code: string }>(`
      select position, reason_code as code from control.parked where position = any($1::bigint[])`,
    [bigintColumn(events.map(({ position }) => position))])
  ])
  return { erased, removed, parked: new Map(rows.map(({ position, code }) => [position, code])) }
}

async function differencesOf (
  tx: Tx, stretch: Stretch, excuses: Excuses
): Promise<RowDifference[]> {
  const removed = new Set(excuses.removed.map(keyOf))
  const { parked } = excuses
  // Without a row of its own an event may still be in feeds: its id was another's.
  const listed = stretch.events.filter((event) => !removed.has(keyOf(placeOf(event))) &&
    parked.get(event.position) !== 'UNPROJECTABLE')
  const rowed = listed.filter(({ position }) => !parked.has(position))
  return (await Promise.all([
    compareEntries(tx, stretch, rowed, excuses),
    ...INDEXES.map(async (index) => await compareIndex(tx, index, stretch, { listed, excuses }))
  ])).flat()
}

async function compareEntries (
  tx: Tx, stretch: Stretch, events: readonly DecodedEvent[], { erased }: Excuses
): Promise<RowDifference[]> {
  const due = new Map(events.map((event) => [keyOf(placeOf(event)), event]))
  const rows = events.map((event) => erasedRow(event, erased))
  const [there, differing] = await Promise.all([
    entryPlaces(tx, stretch.tenants, stretch), rows.length === 0 ? [] : differingEntries(tx, rows)
  ])
  const thereKeys = new Set(there.map(keyOf))
  return [
    ...differing.map((place): RowDifference => {
      const event = due.get(keyOf(place))
      return { ...place, kind: 'tampered', what: `its entry is not what ${named(event)} says` }
    }),
    ...events.filter((event) => !thereKeys.has(keyOf(placeOf(event)))).map((event) =>
      ({ ...placeOf(event), kind: 'missing', what: `${named(event)} has no entry` } as const)),
    ...there.filter((place) => !due.has(keyOf(place))).map((place) =>
      ({ ...place, kind: 'foreign', what: 'an entry of no event' } as const))
  ]
}

function erasedRow (event: DecodedEvent, erased: readonly Erased[]): EntryRow {
  const { position } = event
  return erased
    .filter(({ tenant, positions }) => tenant === tenantOf(event) && positions.includes(position))
    .reduce(eraseRow, entryRow(event))
}

/** A narrow table that points into `entry`: what it has of a stretch, and what it ought to. */
interface Index {
  table: string
  columns: string
  of: (event: DecodedEvent, isErased: (ref: string) => boolean) => string[]
}

const INDEXES: readonly Index[] = [
  {
    table: 'user_feed',
    columns: "concat_ws(' ', role, ref)",
    of: (event, isErased) => feedRows(event).filter(({ ref }) => !isErased(ref))
      .map(({ ref, role }) => `${role} ${ref}`)
  },
  {
    table: 'entity_trail',
    columns: "concat_ws(' ', role, entity_type, entity_key)",
    of: (event, isErased) => trailRows(event)
      .filter(({ type, key }) => type === SUBJECT_TYPE || !isErased(key))
      .map(({ type, key, role }) => `${role} ${type} ${key}`)
  },
  { table: 'entry_tag', columns: 'tag', of: tagsOf }
]

async function compareIndex (
  tx: Tx, { table, columns, of }: Index, { after, to, events: all }: Stretch,
  { listed, excuses: { erased } }: { listed: readonly DecodedEvent[], excuses: Excuses }
): Promise<RowDifference[]> {
  const { rows } = await tx.query<Place & { says: string }>(
    `select tenant, position, ${columns} as says from read.${table}
     where position > $1 and position <= $2`, [after, to])
  const there = grouped(rows, keyOf)
  const refs = new Set(erased.map(({ tenant, ref }) => joined(tenant, ref)))
  const due = new Map(listed.map((event) => [keyOf(placeOf(event)),
    of(event, (ref) => refs.has(joined(tenantOf(event), ref))).map(asStored)]))
  const events = new Map(all.map((event) => [keyOf(placeOf(event)), event]))
  return [...new Set([...there.keys(), ...due.keys()])].flatMap((key) => {
    const found = there.get(key) ?? []
    const kind = kindOf(due.get(key) ?? [], found.map(({ says }) => says))
    const event = events.get(key)
    const place = event === undefined ? found[0] : placeOf(event)
    if (kind === undefined || place === undefined) return []
    const { tenant, position } = place
    const what = `the rows of ${table} are not those of ${named(event)}`
    return [{ tenant, position, kind, what }]
  })
}

function kindOf (
  due: readonly string[], there: readonly string[]
): RowDifference['kind'] | undefined {
  const isLacking = due.some((row) => !there.includes(row))
  const isMore = there.some((row) => !due.includes(row))
  if (isLacking) return isMore ? 'tampered' : 'missing'
  return isMore ? 'foreign' : undefined
}

/** As textColumn writes it. */
function asStored (text: string): string {
  return text.replaceAll('\u0000', '\uFFFD')
}

function named (event: DecodedEvent | undefined): string {
  return event === undefined ? 'any event' : `revision ${event.revision} of ${event.stream}`
}

/** Where the rows of an event are. */
function placeOf (event: DecodedEvent): Place {
  return { tenant: tenantOf(event), position: event.position }
}

function keyOf ({ tenant, position }: Place): string {
  return joined(tenant, String(position))
}

import {
  bigintColumn, personColumns, timestampColumn, uuidColumn
} from '../../projections/columns.ts'
import { namedRefs } from '../../projections/keys.ts'
import type { Erased } from '../../projections/projection.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { orderOf } from '../ledger/fence.ts'
import type { Tx } from '../postgres/transaction.ts'
import type { Target } from './rows.ts'

/** Erased persons whom the batch concerns. */
interface Found {
  /** Ordered by an earlier batch, and named again by this one: sealed too late. */
  late: Erased[]
  /** Ordered by this batch: rows of earlier batches name them as well. */
  ordered: Erased[]
  /** Those of them that no generation had applied before. */
  fresh: ReadonlySet<string>
  /** The batch's last position: nothing is known of what comes after it. */
  until: bigint
}

interface ErasedRow {
  tenant: string
  ref: string
  erasure: string
  at: string
  position: bigint
}

const FIND = {
  name: 'find_erased',
  text: `
    select e.tenant, e.ref, e.erasure, e.position,
      to_char(e.ordered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
    from control.erased e
    join unnest($1::text[], $2::uuid[]) as named (tenant, ref)
      on named.tenant = e.tenant and named.ref = e.ref
    where e.position <= $3
    order by e.tenant, e.ref`
}

/**
 * Remembers the erasures that the batch orders, and finds those ordered until its end whose
 * persons it names.
 */
export async function findErased (tx: Tx, events: readonly DecodedEvent[]): Promise<Found> {
  const ordered = ordersIn(events)
  const named = positionsByRef(events)
  for (const [key, { tenant, ref }] of ordered) {
    if (!named.has(key)) named.set(key, { tenant, ref, positions: [] })
  }
  const values = [...named.values()]
  const until = events.at(-1)?.position ?? 0n
  const remembered = ordered.size > 0 ? remember(tx, [...ordered.values()]) : new Set<string>()
  const revoked = ordered.size > 0 ? revokeKeys(tx, [...ordered.values()]) : undefined
  const [fresh, persons] = await Promise.all([
    remembered, erasedUntil(tx, values, until), revoked
  ])
  return {
    late: persons.filter((person) => !ordered.has(keyOf(person))),
    ordered: persons.filter((person) => ordered.has(keyOf(person))),
    fresh,
    until
  }
}

/** Those of the persons whose erasure was ordered until a position, and is remembered. */
export async function erasedUntil (
  tx: Tx, named: readonly Named[], until: bigint
): Promise<Erased[]> {
  const { rows } = await tx.query<ErasedRow>(FIND, [...personColumns(named), until])
  const positions = new Map(named.map((person) => [keyOf(person), person.positions]))
  return rows.map((row) => ({ ...row, positions: positions.get(keyOf(row)) ?? [] }))
}

/** Takes the persons out of all targets' rows, and keeps what came of each fresh order. */
export async function eraseFrom (
  tx: Tx, targets: readonly Target[], { late, ordered, fresh, until }: Found
): Promise<void> {
  if (late.length > 0) await erase(tx, targets, late)
  // One after the other, so that each has its own numbers; orders are few.
  for (const person of ordered) {
    const whole = { ...person, positions: await allPositions(tx, person, until) }
    const rows = await erase(tx, targets, [whole])
    if (fresh.has(keyOf(person))) await keep(tx, whole, rows)
  }
}

/**
 * Every event that names the person until the end of the batch, those that retention removed
 * included: as the feed says that is built together with the others, or as was kept when the live
 * feed went.
 */
async function allPositions (
  tx: Tx, { tenant, ref, positions }: Erased, until: bigint
): Promise<bigint[]> {
  const { rows: [found] } = await tx.query<{ feeds: boolean, kept: bigint[] | null }>(`
    select to_regclass('user_feed') is not null as feeds,
      (select positions from control.erased where tenant = $1 and ref = $2) as kept`,
  [tenant, ref])
  const { rows } = found?.feeds === true
    ? await tx.query<{ position: bigint }>(`
      select position from user_feed where tenant = $1 and ref = $2 union all
      select position from removed_feed where tenant = $1 and ref = $2`, [tenant, ref])
    : { rows: [] }
  const all = new Set([
    ...positions, ...found?.kept ?? [], ...rows.map(({ position }) => position)
  ])
  return [...all].filter((position) => position <= until).sort((one, other) => one < other ? -1 : 1)
}

async function keep (
  tx: Tx, { tenant, ref, positions }: Erased, rows: Record<string, number>
): Promise<void> {
  await tx.query(
    'update control.erased set positions = $3, rows = $4 where tenant = $1 and ref = $2',
    [tenant, ref, bigintColumn(positions), rows])
}

async function erase (
  tx: Tx, targets: readonly Target[], persons: readonly Erased[]
): Promise<Record<string, number>> {
  const rows: Record<string, number> = {}
  for (const { projection } of targets) Object.assign(rows, await projection.erase?.(persons, tx))
  return rows
}

interface Ordered {
  tenant: string
  ref: string
  erasure: string
  event: DecodedEvent
}

function ordersIn (events: readonly DecodedEvent[]): Map<string, Ordered> {
  const ordered = new Map<string, Ordered>()
  for (const event of events) {
    const order = orderOf(event)
    if (order === undefined) continue
    const found = { ...order, tenant: event.data.tenant, event }
    if (!ordered.has(keyOf(found))) ordered.set(keyOf(found), found)
  }
  return ordered
}

/** The keys of those that were not remembered before. */
async function remember (tx: Tx, ordered: readonly Ordered[]): Promise<Set<string>> {
  const { rows } = await tx.query<{ tenant: string, ref: string }>(`
    insert into control.erased (tenant, ref, erasure, ordered_at, position)
    select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::bigint[])
    on conflict do nothing
    returning tenant, ref`, [
    ...personColumns(ordered),
    uuidColumn(ordered.map(({ erasure }) => erasure)),
    timestampColumn(ordered.map(({ event }) => event.data.recordedAt)),
    bigintColumn(ordered.map(({ event }) => event.position))
  ])
  return new Set(rows.map(keyOf))
}

/** Their API keys read nothing any more, and do not say whose they were. */
async function revokeKeys (tx: Tx, ordered: readonly Ordered[]): Promise<void> {
  await tx.query(`
    update control.api_key k
    set subject_ref = null, revoked_at = coalesce(k.revoked_at, clock_timestamp())
    from unnest($1::text[], $2::uuid[]) as p (tenant, ref)
    where k.tenant = p.tenant and k.subject_ref = p.ref`, personColumns(ordered))
}

/** A person, and the events that name the ref. */
export interface Named {
  tenant: string
  ref: string
  positions: bigint[]
}

/** Whom events name, by a key of each. */
export function positionsByRef (events: readonly DecodedEvent[]): Map<string, Named> {
  const named = new Map<string, Named>()
  for (const event of events) {
    const { position, data: { tenant } } = event
    for (const ref of namedRefs(event)) {
      const key = keyOf({ tenant, ref })
      const known = named.get(key)
      if (known === undefined) named.set(key, { tenant, ref, positions: [position] })
      else known.positions.push(position)
    }
  }
  return named
}

function keyOf ({ tenant, ref }: { tenant: string, ref: string }): string {
  return `${tenant} ${ref}`
}

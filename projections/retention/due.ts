import { conditionsOf } from '../entries/filter.ts'
import { OWN_ENTRY } from '../entries/remove.ts'
import { HELD_ENTRY } from '../erasure-records/holds.ts'
import type { Tx } from '../projection.ts'

/** Which events: of a category, an action or everything below it, recorded before. */
export interface Criteria {
  category: string | null
  action: string | null
  /** RFC 3339. */
  cutoff: string
}

/** An event that is old enough, and whether a hold forbids to remove its rows. */
export interface DueEntry {
  position: bigint
  held: boolean
}

/** How many rows would go, counted among the first `cap` that are old enough. */
export interface DueCount {
  events: number
  held: number
  /** recordedAt of the first and the last, held or not; null if there are none. */
  oldest: string | null
  newest: string | null
  /** Whether these are all. */
  exact: boolean
}

/**
 * The rows that are old enough, in order: never the ledger's own events. Positions and times
 * ascend together but for moments, so the last row before the cutoff bounds the search; what
 * stands beyond it is due a little later.
 */
function dueRows (
  tenant: string, { category, action, cutoff }: Criteria, after: bigint
): { text: string, values: unknown[] } {
  const values: unknown[] = []
  const param = (value: unknown): string => `$${values.push(value)}`
  const { conditions } = conditionsOf({
    category: category ?? undefined, action: action ?? undefined, recordedTo: cutoff
  }, param)
  const own = param(tenant)
  const text = `
    select e.position, e.recorded_at, ${HELD_ENTRY} as held from read.entry e
    where e.tenant = ${own} and e.position > ${param(after)} and e.position <= (
        select o.position from read.entry o
        where o.tenant = ${own} and o.recorded_at < ${param(cutoff)}::timestamptz
        order by o.recorded_at desc, o.position desc limit 1)
      and not ${OWN_ENTRY} and ${conditions.join(' and ')}
    order by e.position`
  return { text, values }
}

/** The next rows after a position that are old enough, at most `limit`, held or not. */
export async function dueEntries (
  tx: Tx, tenant: string, criteria: Criteria, { after, limit }: { after: bigint, limit: number }
): Promise<DueEntry[]> {
  const { text, values } = dueRows(tenant, criteria, after)
  const { rows } = await tx.query<{ position: bigint, held: boolean }>(
    `${text} limit $${values.length + 1}`, [...values, limit])
  return rows.map(({ position, held }) => ({ position: BigInt(position), held }))
}

/** What a policy of these criteria would remove now. */
export async function countDue (
  tx: Tx, tenant: string, criteria: Criteria, cap: number
): Promise<DueCount> {
  const { text, values } = dueRows(tenant, criteria, -1n)
  const limit = `$${values.length + 1}`
  const time = (of: string): string =>
    `to_char(${of} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
  const { rows: [row] } = await tx.query<Record<'events' | 'held', bigint> &
    Record<'oldest' | 'newest', string | null>>(`
    select count(*) filter (where not d.held) as events, count(*) filter (where d.held) as held,
      ${time('min(d.recorded_at)')} as oldest, ${time('max(d.recorded_at)')} as newest
    from (${text} limit ${limit}) d`, [...values, cap + 1])
  const [events, held] = [Number(row?.events ?? 0), Number(row?.held ?? 0)]
  return {
    events,
    held,
    oldest: row?.oldest ?? null,
    newest: row?.newest ?? null,
    exact: events + held <= cap
  }
}

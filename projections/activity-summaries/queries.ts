import type { Tx } from '../projection.ts'

/** An actor as rows know it: a person by ref, others by id, '' for one without an id. */
export interface ActorKey {
  type: string
  key: string
}

/** Days (UTC, of occurredAt) as YYYY-MM-DD, both inclusive. */
export interface Days {
  from?: string | undefined
  to?: string | undefined
}

/** How much an actor did in the days asked for. */
export interface UserSummary {
  events: number
  firstAt: string | undefined
  lastAt: string | undefined
  firstPosition: bigint | undefined
  lastPosition: bigint | undefined
  byCategory: Record<string, number>
  byAction: Record<string, number>
  byOutcome: Record<string, number>
  byDay: Record<string, number>
}

interface SummaryRow {
  category: string | null
  action: string | null
  outcome: string | null
  day: string | null
  events: string
  first_position: string
  last_position: string
  first_at: string
  last_at: string
}

/** The rows come first: grouping sets right over the view would keep Postgres from its index. */
const SUMMARY = {
  name: 'user_summary',
  text: `
    with s as materialized (
      select category, action, outcome, day, events,
        first_position, last_position, first_at, last_at
      from read.activity_summary
      where actor_type = $1 and actor_key = $2
        and day >= coalesce($3::date, '-infinity') and day <= coalesce($4::date, 'infinity'))
    select s.category, s.action, s.outcome, to_char(s.day, 'YYYY-MM-DD') as day,
      sum(s.events)::text as events,
      min(s.first_position)::text as first_position, max(s.last_position)::text as last_position,
      to_char(min(s.first_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as first_at,
      to_char(max(s.last_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as last_at
    from s
    group by grouping sets ((), (s.category), (s.action), (s.outcome), (s.day))
    order by s.category, s.action, s.outcome, s.day`
}

/** What an actor did, counted by category, action, outcome and day: one statement. */
export async function userSummary (
  tx: Tx, actor: ActorKey, days: Days = {}
): Promise<UserSummary> {
  const values = [actor.type, actor.key, days.from ?? null, days.to ?? null]
  const { rows } = await tx.query<SummaryRow>(SUMMARY, values)
  const total = rows.find((row) =>
    (row.category ?? row.action ?? row.outcome ?? row.day) === null && row.events !== null)
  return {
    events: Number(total?.events ?? 0),
    firstAt: total?.first_at,
    lastAt: total?.last_at,
    firstPosition: total && BigInt(total.first_position),
    lastPosition: total && BigInt(total.last_position),
    byCategory: counts(rows, 'category'),
    byAction: counts(rows, 'action'),
    byOutcome: counts(rows, 'outcome'),
    byDay: counts(rows, 'day')
  }
}

function counts (
  rows: readonly SummaryRow[], name: 'category' | 'action' | 'outcome' | 'day'
): Record<string, number> {
  return Object.fromEntries(rows.flatMap((row) =>
    row[name] === null ? [] : [[row[name], Number(row.events)]]))
}

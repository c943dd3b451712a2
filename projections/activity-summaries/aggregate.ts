import type { Tx } from '../projection.ts'
import type { Days } from './queries.ts'

export const GROUPINGS = ['category', 'action', 'outcome', 'actor', 'day'] as const
export type Grouping = typeof GROUPINGS[number]

/** Which events are counted; all that is given must hold. */
export interface SummaryFilter extends Days {
  category?: string | undefined
  action?: string | undefined
  outcome?: string | undefined
  /** Without a type: of whatever type. */
  actor?: { type?: string | undefined, key: string } | undefined
}

/** Events of one kind. An actor's key is JSON: `[type, key]`. Times are RFC 3339, UTC. */
export interface Group {
  key: string
  events: number
  firstAt: string
  lastAt: string
}

/** The largest groups (of days: the latest), and all that was counted. */
export interface Groups {
  groups: Group[]
  /** How many groups there are altogether. */
  size: number
  events: number
}

interface GroupRow {
  key: string
  events: string
  first_at: string
  last_at: string
  size: string
  total: string
}

const KEYS: Readonly<Record<Grouping, string>> = {
  category: 's.category',
  action: 's.action',
  outcome: 's.outcome',
  actor: 'json_build_array(s.actor_type, s.actor_key)::text',
  day: "to_char(s.day, 'YYYY-MM-DD')"
}

/** Counts by one of the groupings: one statement over what the projection keeps by the day. */
export async function aggregate (
  tx: Tx, by: Grouping, filter: SummaryFilter, top: number
): Promise<Groups> {
  const { category, action, outcome, actor, from, to } = filter
  const { rows } = await tx.query<GroupRow>({
    name: `aggregate_${by}`,
    text: `
      with s as materialized (
        select actor_type, actor_key, day, category, action, outcome, events, first_at, last_at
        from read.activity_summary
        where ($1::text is null or category = $1) and ($2::text is null or action = $2)
          and ($3::text is null or outcome = $3)
          and ($4::text is null or actor_type = $4) and ($5::text is null or actor_key = $5)
          and day >= coalesce($6::date, '-infinity') and day <= coalesce($7::date, 'infinity'))
      select ${KEYS[by]} as key, sum(s.events)::text as events,
        to_char(min(s.first_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as first_at,
        to_char(max(s.last_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as last_at,
        count(*) over ()::text as size, (sum(sum(s.events)) over ())::text as total
      from s
      group by 1
      order by ${by === 'day' ? '' : 'sum(s.events) desc,'} 1 ${by === 'day' ? 'desc' : ''}
      limit $8`
  }, [
    category ?? null, action ?? null, outcome ?? null, actor?.type ?? null, actor?.key ?? null,
    from ?? null, to ?? null, top
  ])
  const [first] = rows
  return {
    groups: rows.map(({ key, events, first_at: firstAt, last_at: lastAt }) => ({
      key, events: Number(events), firstAt, lastAt
    })),
    size: Number(first?.size ?? 0),
    events: Number(first?.total ?? 0)
  }
}

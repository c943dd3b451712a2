import {
  conditionsOf, type EventFilter, type InnerFilter, type Parameter
} from '../entries/filter.ts'
import { sourceOf } from '../entries/select.ts'
import type { Tx } from '../projection.ts'
import { spansOf, whole, type Span } from './spans.ts'

/** Events that one part of a count looks at one by one, the latest first. */
export const RAW_MAX = 100_000

export const INTERVALS = ['hour', 'day', 'week', 'month'] as const
export type Interval = typeof INTERVALS[number]

export const GROUPINGS = [
  'category', 'action', 'outcome', 'actor', 'day', 'source', 'entityType'
] as const

/** By one of the groupings, or by stretches of time. */
export type Grouping = typeof GROUPINGS[number] | Interval

/** Which events are counted; all that is given must hold. */
export type SummaryFilter = Span & Pick<EventFilter,
  'category' | 'action' | 'outcome' | 'actor' | 'source' | 'entityType'>

/** Events of one kind. An actor's key is JSON: `[type, key]`. Times are RFC 3339, UTC. */
export interface Group {
  key: string
  events: number
  firstAt: string
  lastAt: string
}

/** The largest groups (of stretches of time: the latest), and all that was counted. */
export interface Groups {
  groups: Group[]
  /** How many groups there are altogether. */
  size: number
  events: number
  /** Whether there are more events than were looked at one by one. */
  capped: boolean
}

interface GroupRow {
  key: string
  events: string
  first_at: string
  last_at: string
  size: string
  total: string
  capped: boolean
}

const TIMESTAMP = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'

/** A key over rows `e`: of events, or of what is kept by the day and has no more than a day. */
function keyOf (by: Grouping, moment: string): string {
  switch (by) {
    case 'actor': return "json_build_array(e.actor_type, coalesce(e.actor_key, ''))::text"
    case 'entityType': return "coalesce(e.entity_type, '')"
    case 'day': return `to_char(${moment}, 'YYYY-MM-DD')`
    case 'hour': case 'week': case 'month':
      return `to_char(date_trunc('${by}', ${moment}), '${TIMESTAMP}')`
    default: return `e.${by}`
  }
}

const isTime = (by: Grouping): boolean => INTERVALS.some((interval) => interval === by)

/** Counts by one of the groupings: whole days by what the projection keeps, the rest by events. */
export async function aggregate (
  tx: Tx, by: Grouping, { from, to, ...kind }: SummaryFilter, top: number
): Promise<Groups> {
  const values: unknown[] = []
  const param: Parameter = (value) => '$' + values.push(value)
  const isKept = by !== 'hour' && by !== 'source' && by !== 'entityType' &&
    kind.source === undefined && kind.entityType === undefined
  const { days, raw } = isKept ? spansOf({ from, to }) : whole({ from, to })
  const parts = [
    ...days === undefined ? [] : [keptPart(by, kind, days, param)],
    ...raw.map((span, index) => rawPart(by, { ...kind, ...span }, index + 1, values))
  ]
  const { rows } = await tx.query<GroupRow>(`
    with s (key, events, first_at, last_at, part) as materialized (${parts.join(' union all ')})
    select s.key, sum(s.events)::text as events,
      to_char(min(s.first_at) at time zone 'UTC', '${TIMESTAMP}') as first_at,
      to_char(max(s.last_at) at time zone 'UTC', '${TIMESTAMP}') as last_at,
      count(*) over ()::text as size, (sum(sum(s.events)) over ())::text as total,
      exists (select from s where part > 0 group by part having count(*) > ${RAW_MAX}) as capped
    from s
    group by 1
    order by ${isTime(by) ? '1 desc' : 'sum(s.events) desc, 1'}
    limit ${param(top)}`, values)
  const [first] = rows
  return {
    groups: rows.map(({ key, events, first_at: firstAt, last_at: lastAt }) => ({
      key, events: Number(events), firstAt, lastAt
    })),
    size: Number(first?.size ?? 0),
    events: Number(first?.total ?? 0),
    capped: first?.capped ?? false
  }
}

/** What is kept by the day of whole days. */
function keptPart (
  by: Grouping, kind: EventFilter, { from, to }: Span, param: Parameter
): string {
  const { conditions } = conditionsOf(kind, param)
  const where = [
    ...conditions,
    `e.day >= coalesce(${param(from ?? null)}::date, '-infinity')`,
    `e.day <= coalesce(${param(to ?? null)}::date, 'infinity')`
  ]
  return `
    select ${keyOf(by, 'e.day::timestamp')}, e.events, e.first_at, e.last_at, 0
    from read.activity_summary e where ${where.join(' and ')}`
}

/** The events themselves, one more than are counted if there are too many. */
function rawPart (
  by: Grouping, filter: InnerFilter, part: number, values: unknown[]
): string {
  const { from, where } = sourceOf({ filter }, values)
  const key = keyOf(by, "(e.occurred_at at time zone 'UTC')")
  return `
    (select ${key}, 1::bigint, e.occurred_at, e.occurred_at, ${part}
    from ${from} where ${where.length === 0 ? 'true' : where.join(' and ')}
    order by e.occurred_at desc limit ${RAW_MAX + 1})`
}

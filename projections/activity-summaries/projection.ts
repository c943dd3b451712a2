import type { DecodedEvent } from '../../schemas/recorded.ts'
import { bigintColumn, personColumns, textColumn, timestampColumn } from '../columns.ts'
import { actorKey, joined, tenantOf } from '../keys.ts'
import type { Projection, Statement } from '../projection.ts'

interface Summary {
  /** Tenant, actor and kind are those of any of its events; this is the first. */
  event: DecodedEvent
  key: string
  day: string
  events: number
  firstPosition: bigint
  lastPosition: bigint
  firstAt: string
  lastAt: string
}

const UPSERT: Statement = {
  name: 'upsert_activity_summaries',
  text: `
    insert into activity_summary as s (
      tenant, actor_type, actor_key, day, category, action, outcome,
      events, first_position, last_position, first_at, last_at)
    select * from unnest(
      $1::text[], $2::text[], $3::text[], $4::text[]::date[], $5::text[], $6::text[], $7::text[],
      $8::bigint[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[])
    on conflict (tenant, actor_type, actor_key, day, category, action, outcome) do update set
      events = s.events + excluded.events,
      last_position = excluded.last_position,
      first_at = least(s.first_at, excluded.first_at),
      last_at = greatest(s.last_at, excluded.last_at)`
}

/** What a person did stays counted, as something that somebody without an id did. */
const ERASE: Statement = {
  name: 'erase_activity_summaries',
  text: `
    with gone as (
      delete from activity_summary s
      using unnest($1::text[], $2::uuid[]) as p (tenant, ref)
      where s.tenant = p.tenant and s.actor_type = 'user' and s.actor_key = p.ref::text
      returning s.*),
    kept as (
      insert into activity_summary as s
      select tenant, actor_type, '', day, category, action, outcome, sum(events),
        min(first_position), max(last_position), min(first_at), max(last_at)
      from gone group by 1, 2, 3, 4, 5, 6, 7
      on conflict (tenant, actor_type, actor_key, day, category, action, outcome) do update set
        events = s.events + excluded.events,
        first_position = least(s.first_position, excluded.first_position),
        last_position = greatest(s.last_position, excluded.last_position),
        first_at = least(s.first_at, excluded.first_at),
        last_at = greatest(s.last_at, excluded.last_at))
    select count(*) from gone`
}

/** Counts per actor, kind of event and day: one statement per batch, grouped before it. */
export const activitySummaries: Projection = {
  name: 'activity_summaries',
  version: 1,
  tables: 'projections/activity-summaries/tables.sql',
  views: ['activity_summary'],
  async apply ({ events }, tx) {
    const rows = summarise(events)
    await tx.query(UPSERT, [
      textColumn(rows.map(({ event }) => tenantOf(event))),
      textColumn(rows.map(({ event }) => event.data.actor.type)),
      textColumn(rows.map(({ key }) => key)),
      textColumn(rows.map(({ day }) => day)),
      textColumn(rows.map(({ event }) => event.data.category)),
      textColumn(rows.map(({ event }) => event.action)),
      textColumn(rows.map(({ event }) => event.data.outcome)),
      bigintColumn(rows.map(({ events }) => events)),
      bigintColumn(rows.map(({ firstPosition }) => firstPosition)),
      bigintColumn(rows.map(({ lastPosition }) => lastPosition)),
      timestampColumn(rows.map(({ firstAt }) => firstAt)),
      timestampColumn(rows.map(({ lastAt }) => lastAt))
    ])
  },
  async erase (persons, tx) {
    const { rows: [row] } = await tx.query<{ count: bigint }>(ERASE, personColumns(persons))
    return { activity_summary: Number(row?.count ?? 0) }
  }
}

function summarise (events: readonly DecodedEvent[]): Summary[] {
  const groups = new Map<string, Summary>()
  for (const event of events) {
    const { actor, category, outcome, occurredAt } = event.data
    const key = actorKey(actor) ?? ''
    const day = occurredAt.slice(0, 10)
    const group = joined(tenantOf(event), actor.type, key, day, category, event.action, outcome)
    const found = groups.get(group)
    if (found === undefined) {
      groups.set(group, {
        event,
        key,
        day,
        events: 1,
        firstPosition: event.position,
        lastPosition: event.position,
        firstAt: occurredAt,
        lastAt: occurredAt
      })
      continue
    }
    found.events++
    found.lastPosition = event.position
    if (Date.parse(occurredAt) < Date.parse(found.firstAt)) found.firstAt = occurredAt
    if (Date.parse(occurredAt) > Date.parse(found.lastAt)) found.lastAt = occurredAt
  }
  return [...groups.values()]
}

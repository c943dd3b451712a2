import type { DecodedEvent } from '../../schemas/recorded.ts'
import { bigintColumn, personColumns, textColumn, uuidColumn } from '../columns.ts'
import { namedRefs, tenantOf } from '../keys.ts'
import type { Projection, Statement } from '../projection.ts'

/** What the person has to do with it: did it, a program did it to them, or another person. */
export type FeedRole = 'actor' | 'served' | 'about'

/** A row of an event. */
export interface FeedRow {
  event: DecodedEvent
  ref: string
  role: FeedRole
}

const INSERT: Statement = {
  name: 'insert_user_feeds',
  text: `
    insert into user_feed (tenant, ref, position, role)
    select * from unnest($1::text[], $2::uuid[], $3::bigint[], $4::text[])`
}

const ERASE: Statement = {
  name: 'erase_user_feeds',
  text: `
    delete from user_feed f
    using unnest($1::text[], $2::uuid[]) as p (tenant, ref)
    where f.tenant = p.tenant and f.ref = p.ref`
}

const ERASE_REMOVED: Statement = {
  name: 'erase_removed_feeds',
  text: `
    delete from removed_feed f
    using unnest($1::text[], $2::uuid[]) as p (tenant, ref)
    where f.tenant = p.tenant and f.ref = p.ref`
}

const REMOVE: Statement = {
  name: 'remove_user_feeds',
  text: `
    with gone as (
      delete from user_feed where tenant = $1 and position = any($2::bigint[])
      returning tenant, ref, position)
    insert into removed_feed (tenant, ref, position) select tenant, ref, position from gone`
}

/** Who did it, and whom it is about: every person whose ref the event names. */
export const userFeeds: Projection = {
  name: 'user_feeds',
  version: 4,
  tables: 'projections/user-feeds/tables.sql',
  views: ['user_feed', 'removed_feed'],
  async apply ({ events }, tx) {
    const rows = events.flatMap(feedRows)
    if (rows.length === 0) return
    await tx.query(INSERT, [
      textColumn(rows.map(({ event }) => tenantOf(event))),
      uuidColumn(rows.map(({ ref }) => ref)),
      bigintColumn(rows.map(({ event }) => event.position)),
      textColumn(rows.map(({ role }) => role))
    ])
  },
  async erase (persons, tx) {
    const columns = personColumns(persons)
    const [{ rowCount }] = await Promise.all([
      tx.query(ERASE, columns), tx.query(ERASE_REMOVED, columns)
    ])
    return { user_feed: rowCount ?? 0 }
  },
  async remove ({ tenant, positions }, tx) {
    await tx.query(REMOVE, [tenant, bigintColumn(positions)])
  }
}

/** One row for each person whom an event names, whoever was erased since. */
export function feedRows (event: DecodedEvent): FeedRow[] {
  const { actor } = event.data
  const role = actor.type === 'user' ? 'about' : 'served'
  return namedRefs(event).map((ref) => ({ event, ref, role: ref === actor.ref ? 'actor' : role }))
}

import { SUBJECT_TYPE } from '../../schemas/events/ledger.ts'
import type { DecodedEvent, RecordedEntity } from '../../schemas/recorded.ts'
import { bigintColumn, personColumns, textColumn } from '../columns.ts'
import { entityKey, firstOfEach, joined, tenantOf } from '../keys.ts'
import type { Projection, Statement } from '../projection.ts'

export type TrailRole = 'entity' | 'related'

/** A row of an event. */
export interface TrailRow {
  event: DecodedEvent
  type: string
  key: string
  role: TrailRole
}

const INSERT: Statement = {
  name: 'insert_entity_trails',
  text: `
    insert into entity_trail (tenant, entity_type, entity_key, position, role)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
    on conflict do nothing`
}

/**
 * One step of the index for each type of entity, as the type of a person's ref is not known. Who
 * read about a person stays on record, by the ref that leads nowhere then.
 */
const ERASE: Statement = {
  name: 'erase_entity_trails',
  text: `
    with recursive type as (
      select p.tenant, p.ref::text as ref, (select min(t.entity_type) from entity_trail t
        where t.tenant = p.tenant) as name
      from unnest($1::text[], $2::uuid[]) as p (tenant, ref)
      union all
      select type.tenant, type.ref, (select min(t.entity_type) from entity_trail t
        where t.tenant = type.tenant and t.entity_type > type.name)
      from type where type.name is not null)
    delete from entity_trail e using type
    where e.tenant = type.tenant and e.entity_type = type.name and e.entity_key = type.ref
      and type.name <> '${SUBJECT_TYPE}'`
}

const REMOVE: Statement = {
  name: 'remove_entity_trails',
  text: 'delete from entity_trail where tenant = $1 and position = any($2::bigint[])'
}

/** What it happened to, and what else the event names. */
export const entityTrails: Projection = {
  name: 'entity_trails',
  version: 2,
  tables: 'projections/entity-trails/tables.sql',
  views: ['entity_trail'],
  async apply ({ events }, tx) {
    const rows = events.flatMap(trailRows)
    if (rows.length === 0) return
    await tx.query(INSERT, [
      textColumn(rows.map(({ event }) => tenantOf(event))),
      textColumn(rows.map(({ type }) => type)),
      textColumn(rows.map(({ key }) => key)),
      bigintColumn(rows.map(({ event }) => event.position)),
      textColumn(rows.map(({ role }) => role))
    ])
  },
  async erase (persons, tx) {
    const { rowCount } = await tx.query(ERASE, personColumns(persons))
    return { entity_trail: rowCount ?? 0 }
  },
  async remove ({ tenant, positions }, tx) {
    await tx.query(REMOVE, [tenant, bigintColumn(positions)])
  }
}

/** One row for each entity that an event names, whoever was erased since. */
export function trailRows (event: DecodedEvent): TrailRow[] {
  const { entity, related = [] } = event.data
  const row = (named: RecordedEntity, role: TrailRole): TrailRow[] => {
    const key = entityKey(named)
    return key === null ? [] : [{ event, type: named.type, key, role }]
  }
  const rows = [
    ...entity === undefined ? [] : row(entity, 'entity'),
    ...related.flatMap((named) => row(named, 'related'))
  ]
  return firstOfEach(rows, ({ type, key }) => joined(type, key))
}

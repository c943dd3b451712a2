import { erasedValue, isErasedSection, type RowSection } from '../../schemas/hidden.ts'
import { bigintColumn, textColumn } from '../columns.ts'
import type { Erased, Statement, Tx } from '../projection.ts'

/** Rows that are rewritten at a time: their texts are in memory. */
const ROWS_MAX = 1_000

/** The parts of an entry that can name a person. */
export interface NamingRow {
  position: bigint
  actor_key: string | null
  entity_key: string | null
  ip: string | null
  session: string | null
  body: string
  head: string | null
  sealed: string | null
}

const SELECT: Statement = {
  name: 'select_naming_entries',
  text: `
    select position, actor_key, entity_key, ip, session, body, head, sealed
    from entry where tenant = $1 and position = any($2::bigint[])`
}

const UPDATE: Statement = {
  name: 'update_erased_entries',
  text: `
    update entry e set
      actor_key = u.actor_key, entity_key = u.entity_key, ip = u.ip, session = u.session,
      body = u.body, head = u.head, sealed = u.sealed
    from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[])
      as u (position, actor_key, entity_key, ip, session, body, head, sealed)
    where e.tenant = $1 and e.position = u.position`
}

/** Rewrites the entries that name these persons; returns how many. */
export async function eraseEntries (persons: readonly Erased[], tx: Tx): Promise<number> {
  let changed = 0
  for (const person of persons) {
    for (let from = 0; from < person.positions.length; from += ROWS_MAX) {
      changed += await eraseSome(person, person.positions.slice(from, from + ROWS_MAX), tx)
    }
  }
  return changed
}

async function eraseSome (
  person: Erased, positions: readonly bigint[], tx: Tx
): Promise<number> {
  const { rows: naming } = await tx.query<NamingRow>(
    SELECT, [person.tenant, bigintColumn(positions)])
  if (naming.length === 0) return 0
  const rows = naming.map((row) => eraseRow(row, person))
  const { rowCount } = await tx.query(UPDATE, [
    person.tenant,
    bigintColumn(rows.map(({ position }) => position)),
    textColumn(rows.map((row) => row.actor_key)),
    textColumn(rows.map((row) => row.entity_key)),
    textColumn(rows.map(({ ip }) => ip)),
    textColumn(rows.map(({ session }) => session)),
    textColumn(rows.map(({ body }) => body)),
    textColumn(rows.map(({ head }) => head)),
    textColumn(rows.map(({ sealed }) => sealed))
  ])
  return rowCount ?? 0
}

/**
 * The row without a person: neither ref nor ciphertext is left, nor a tag to find a value by, but
 * for the name of a stream of the person's own, which is the event's address in the log.
 */
export function eraseRow<Row extends NamingRow> (
  row: Row, person: Pick<Erased, 'ref' | 'erasure' | 'at'>
): Row {
  const { ref } = person
  const sections: RowSection[] = row.sealed === null ? [] : JSON.parse(row.sealed)
  const mark = { erasure: person.erasure, erasedAt: person.at }
  const tags = new Set(sections.flatMap((section) =>
    isErasedSection(section) || section.ref !== ref ? [] : Object.values(section.find ?? {})))
  const untagged = (value: string | null): string | null =>
    value !== null && tags.has(value) ? null : value
  const kept = sections.map((section) =>
    isErasedSection(section) || section.ref !== ref ? section : { paths: section.paths, ...mark })
  return {
    ...row,
    actor_key: row.actor_key === ref ? null : row.actor_key,
    entity_key: row.entity_key === ref ? null : row.entity_key,
    ip: untagged(row.ip),
    session: untagged(row.session),
    body: row.body.includes(ref) ? eraseText(`{${row.body}}`, ref, mark).slice(1, -1) : row.body,
    head: row.head === null ? null : eraseText(row.head, ref, mark),
    sealed: row.sealed === null ? null : JSON.stringify(kept)
  }
}

/** Every party of that ref becomes `{ type, erased, erasure, erasedAt }`. */
function eraseText (
  text: string, ref: string, mark: { erasure: string, erasedAt: string }
): string {
  const shown: Record<string, unknown> = JSON.parse(text)
  const erase = (party: unknown): unknown => {
    if (typeof party !== 'object' || party === null || Reflect.get(party, 'ref') !== ref) {
      return party
    }
    return { type: Reflect.get(party, 'type'), ...erasedValue(mark) }
  }
  const { actor, entity, related } = shown
  return JSON.stringify({
    ...shown,
    ...actor === undefined ? {} : { actor: erase(actor) },
    ...entity === undefined ? {} : { entity: erase(entity) },
    ...Array.isArray(related) ? { related: related.map(erase) } : {}
  })
}

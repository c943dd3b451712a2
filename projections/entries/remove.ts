import { RESERVED_ACTION_PREFIX } from '../../schemas/primitives.ts'
import { bigintColumn } from '../columns.ts'
import type { Removed, Statement, Tx } from '../projection.ts'

const AFTER_OWN = RESERVED_ACTION_PREFIX.replace('.', '/')

/** SQL over an entry: whether it is an event of the ledger's own. */
export const OWN_ENTRY = `(action >= '${RESERVED_ACTION_PREFIX}' and action < '${AFTER_OWN}')`

/** What the ledger says itself stays, whatever a run says. */
const REMOVE_ENTRIES: Statement = {
  name: 'remove_entries',
  text: `
    with gone as (
      delete from entry
      where tenant = $1 and position = any($2::bigint[])
        and not ${OWN_ENTRY}
      returning tenant, position, prepare, id, stream, revision, recorded_at, leaf_hash)
    insert into removed_entry (
      tenant, position, prepare, id, stream, revision, recorded_at, leaf_hash, run)
    select tenant, position, prepare, id, stream, revision, recorded_at, leaf_hash, $3 from gone`
}

const REMOVE_TAGS: Statement = {
  name: 'remove_tags',
  text: 'delete from entry_tag where tenant = $1 and position = any($2::bigint[])'
}

/** Puts where the events are in the place of what they say. */
export async function removeEntries (
  { tenant, run, positions }: Removed, tx: Tx
): Promise<void> {
  const column = bigintColumn(positions)
  await Promise.all([
    tx.query(REMOVE_ENTRIES, [tenant, column, run]), tx.query(REMOVE_TAGS, [tenant, column])
  ])
}

import type { LogPosition } from '../ledger/log.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTenant } from '../postgres/transaction.ts'
import { notBuiltYet, openReading } from './reading.ts'

/** The largest number that Postgres takes for a position. */
const POSITION_MAX = 2n ** 63n - 1n

const PREPARE_OF = `
  select prepare from entry where position = $1
  union all select prepare from removed_entry where position = $1
  union all select prepare from merkle_checkpoint where position = $1
  union all select prepare from cosignature where position = $1`

/**
 * The place in `$all` of an event of the tenant, undefined if reads show none at that position.
 * The log cannot be read from anywhere else, and only the read models know which numbers are
 * places of events.
 */
export async function placeAt (
  pool: Pool, tenant: string, commit: bigint
): Promise<LogPosition | undefined> {
  if (commit > POSITION_MAX) return undefined
  try {
    return await inTenant(pool, tenant, async (tx) => {
      await openReading(tx)
      const { rows: [row] } = await tx.query<{ prepare: bigint }>(PREPARE_OF, [commit])
      return row && { commit, prepare: row.prepare }
    })
  } catch (err) {
    if (!notBuiltYet(err)) throw err
    return undefined
  }
}

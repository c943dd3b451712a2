import type { Tx } from '../../projections/projection.ts'
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

const PLACES_OF = ['entry', 'removed_entry'].map((table) => `
  select stream, revision, position from ${table} where position = any($1::bigint[])`)
  .join(' union all ') + ' order by position'

/** Where an event is in its stream, and in `$all`. */
export interface StreamPlace {
  stream: string
  revision: bigint
  position: bigint
}

/** Where the events at these positions are in their streams; those without a row are left out. */
export async function placesOf (tx: Tx, positions: readonly bigint[]): Promise<StreamPlace[]> {
  const { rows } = await tx.query<StreamPlace>(PLACES_OF, [positions])
  return rows
}

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

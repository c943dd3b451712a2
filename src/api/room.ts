import type { Tx } from '../../projections/projection.ts'
import { LedgerError } from '../errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTenant } from '../postgres/transaction.ts'
import { notBuiltYet } from './reading.ts'

/** How many of something a tenant may have. */
export interface Room {
  max: number
  /** How many there are, as reads show it: those of the last moment may be missing. */
  count: (tx: Tx) => Promise<number>
  /** Says what to do when there are as many. */
  full: string
}

/** Throws WRONG_STATE if there is no room for another one. */
export async function requireRoom (
  pool: Pool, tenant: string, { max, count, full }: Room
): Promise<void> {
  const there = await inTenant(pool, tenant, count).catch((err: unknown) => {
    if (!notBuiltYet(err)) throw err
    return 0
  })
  if (there >= max) throw new LedgerError('WRONG_STATE', full)
}

import { projectedLookup } from '../../projections/entries/queries.ts'
import { LedgerError } from '../errors.ts'
import type { ProjectedLookup } from '../ledger/lookup.ts'
import { isUnavailable } from '../postgres/errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTenants } from '../postgres/transaction.ts'
import { notBuiltYet } from './reading.ts'

/**
 * What the read models know of ids and streams, for the ledger to tell new events from repeated
 * ones. Throws DATABASE_UNAVAILABLE when they cannot be asked, or are not there (yet): then the
 * ledger searches the log itself.
 */
export function createLookup (pool: Pool): ProjectedLookup {
  return async (questions) => {
    try {
      return await inTenants(pool, questions, async (tx, { ids, streams }) =>
        await projectedLookup(tx, ids, streams))
    } catch (cause) {
      if (!isUnavailable(cause) && !notBuiltYet(cause)) throw cause
      throw new LedgerError('DATABASE_UNAVAILABLE', 'the read models cannot be asked', { cause })
    }
  }
}

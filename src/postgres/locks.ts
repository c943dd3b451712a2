import type { Tx } from './transaction.ts'

/** Any number that no other advisory lock of this program has. */
const HOLDS = 0x401d

/**
 * Until the transaction ends nobody else places a hold in the tenant or orders an erasure there:
 * which of the two came first is then a matter of the log alone.
 */
export async function lockHolds (tx: Tx, tenant: string): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1, hashtext($2))', [HOLDS, tenant])
}

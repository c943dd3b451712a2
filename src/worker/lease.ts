import { LedgerError } from '../errors.ts'
import type { Pool } from '../postgres/pool.ts'
import type { Tx } from '../postgres/transaction.ts'

/**
 * Takes the runner over and returns the new fencing token, or undefined while another holder's
 * renewal is younger than `leaseMs` by the database's clock. No two processes share a holder's
 * name. The token of whoever held it before is worthless from then on; that is what keeps rows
 * right, the time only says when to try.
 */
export async function acquireLease (
  pool: Pool, holder: string, leaseMs: number
): Promise<bigint | undefined> {
  const { rows: [row] } = await pool.query<{ fence: bigint }>(`
    update control.runner
    set fence = fence + 1, holder = $1, renewed_at = clock_timestamp()
    where id = 1 and (holder is null or holder = $1 or renewed_at is null
      or renewed_at < clock_timestamp() - $2 * interval '1 millisecond')
    returning fence`, [holder, leaseMs])
  return row?.fence
}

/** Says that the holder lives. Throws FENCED if another one has taken over. */
export async function renewLease (tx: Tx, fence: bigint): Promise<void> {
  const { rowCount } = await tx.query(
    'update control.runner set renewed_at = clock_timestamp() where id = 1 and fence = $1', [fence])
  if (rowCount !== 1) throw fenced(fence)
}

/** Lets a standby take over at once. Does nothing if one has already. */
export async function releaseLease (pool: Pool, fence: bigint): Promise<void> {
  await pool.query(
    'update control.runner set holder = null, renewed_at = null where id = 1 and fence = $1',
    [fence])
}

const OPEN = {
  name: 'open_batch',
  text: `
    with held as (
      update control.runner set renewed_at = clock_timestamp() where id = 1 and fence = $1
      returning fence)
    select (select count(*) from held) as held, set_config('search_path', $2, true),
      set_config('synchronous_commit', 'off', true)`
}

/**
 * Opens a batch's transaction in one statement: holds the runner's row until the end, so that
 * batches and switches follow each other, and sets the search path. The commit does not wait for
 * the disk: rows and checkpoint are lost together or not at all, and the log has the events still.
 * Throws FENCED.
 */
export async function openBatch (tx: Tx, fence: bigint, searchPath: string): Promise<void> {
  const { rows: [row] } = await tx.query<{ held: bigint }>(OPEN, [fence, searchPath])
  if (row?.held !== 1n) throw fenced(fence)
}

/** Waits for the batch under way, if any, and keeps the next one out until the commit. */
export async function lockRunner (tx: Tx): Promise<void> {
  await tx.query('select fence from control.runner where id = 1 for update')
}

function fenced (fence: bigint): LedgerError {
  return new LedgerError('FENCED', `fence ${fence} is no longer the runner's`)
}

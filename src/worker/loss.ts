import { lastHead, rootAt } from '../../projections/merkle/queries.ts'
import { LedgerError } from '../errors.ts'
import type { Log } from '../ledger/log.ts'
import type { Tx } from '../postgres/transaction.ts'
import { lastEpoch } from './epoch.ts'

/** A tenant whose log has fewer leaves than readers had seen. */
export interface Loss {
  tenant: string
  kept: bigint
  seen: bigint
  /** The last checkpoint that readers had seen. */
  checkpoint: string | undefined
}

/**
 * Which tenants' trees, of those that are about to go live, end before the ones that readers see.
 * `building`: the search path of the new tables, which is set again at the end. A loss that was
 * put on record by an attempt that was cut off is found as it was then: what came after is not
 * from before. Throws CONTRADICTION if the shorter tree is not how the longer one began: that is
 * no loss, and no operator can accept it.
 */
export async function findLosses (tx: Tx, log: Log, building: string): Promise<Loss[]> {
  const { rows: [found] } = await tx.query<{ seen: boolean }>(
    "select to_regclass('read.merkle_tree') is not null as seen")
  if (found?.seen !== true) return []
  await setPath(tx, building)
  const { rows } = await tx.query<{ tenant: string, kept: bigint, seen: bigint }>(`
    select old.tenant, coalesce(new.size, 0) as kept, old.size as seen
    from read.merkle_tree old left join merkle_tree new on new.tenant = old.tenant
    where old.size > coalesce(new.size, 0) order by old.tenant`)
  const losses: Loss[] = []
  for (const { tenant, kept: size, seen } of rows) {
    const kept = await keptOf(log, { tenant, size, seen })
    await tx.query("select set_config('ledger.tenant', $1, true)", [tenant])
    const now = await rootAt(tx, kept)
    await setPath(tx, 'read')
    const [before, head] = [await rootAt(tx, kept), await lastHead(tx)]
    await setPath(tx, building)
    if (now === undefined || before?.equals(now) !== true) {
      throw new LedgerError('CONTRADICTION',
        `the first ${kept} leaves of ${tenant} are not those that readers have seen`)
    }
    losses.push({ tenant, kept, seen, checkpoint: head?.note })
  }
  return losses
}

/** How many leaves are left of those that readers had seen. */
async function keptOf (
  log: Log, { tenant, size, seen }: { tenant: string, size: bigint, seen: bigint }
): Promise<bigint> {
  const said = await lastEpoch(log, tenant)
  const isOnRecord = said.because === 'lost-events' && said.seen === String(seen)
  const kept = isOnRecord && said.kept !== undefined ? BigInt(said.kept) : size
  return kept < size ? kept : size
}

async function setPath (tx: Tx, path: string): Promise<void> {
  await tx.query("select set_config('search_path', $1, true)", [path])
}

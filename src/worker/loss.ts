import { lastHead, rootAt } from '../../projections/merkle/queries.ts'
import { LedgerError } from '../errors.ts'
import type { Tx } from '../postgres/transaction.ts'

/** A tenant whose log lacks the last leaves that readers had seen. */
export interface Loss {
  tenant: string
  kept: bigint
  seen: bigint
  /** The last checkpoint that readers had seen. */
  checkpoint: string | undefined
}

interface Compared {
  tenant: string
  kept: bigint
  seen: bigint
  isLoss: boolean
}

/**
 * The first leaf of each tenant that is not where readers see it. After a loss, what comes there
 * and later was written since; after a change in the middle some of it is what readers see too.
 */
const COMPARE = `
  with compared as (
    select old.tenant, min(old.index) filter (where new.hash is distinct from old.hash) as kept
    from read.merkle_leaf old
    left join merkle_leaf new on new.tenant = old.tenant and new.index = old.index
    group by old.tenant)
  select tenant, kept, tree.size as seen, not exists (
    select from merkle_leaf new
    join read.merkle_leaf old on old.tenant = new.tenant and old.hash = new.hash
    where new.tenant = compared.tenant and new.index >= kept) as "isLoss"
  from compared join read.merkle_tree tree using (tenant)
  where kept is not null
  order by tenant`

/**
 * Which tenants' trees, of those that are about to go live, lack the last leaves that readers see;
 * events may have been written since. `building`: the search path of the new tables, which is set
 * again at the end. Throws CONTRADICTION if a tree is not how the longer one began: that is no
 * loss, and no operator can accept it.
 */
export async function findLosses (tx: Tx, building: string): Promise<Loss[]> {
  const { rows: [found] } = await tx.query<{ seen: boolean }>(
    "select to_regclass('read.merkle_tree') is not null as seen")
  if (found?.seen !== true) return []
  await setPath(tx, building)
  const { rows } = await tx.query<Compared>(COMPARE)
  const losses: Loss[] = []
  for (const { tenant, kept, seen, isLoss } of rows) {
    await tx.query("select set_config('ledger.tenant', $1, true)", [tenant])
    const now = await rootAt(tx, kept)
    await setPath(tx, 'read')
    const [before, head] = [await rootAt(tx, kept), await lastHead(tx)]
    await setPath(tx, building)
    if (!isLoss || now === undefined || before?.equals(now) !== true) {
      throw new LedgerError('CONTRADICTION',
        `the leaves from ${kept} of ${tenant} are not those that readers have seen`)
    }
    losses.push({ tenant, kept, seen, checkpoint: head?.note })
  }
  return losses
}

async function setPath (tx: Tx, path: string): Promise<void> {
  await tx.query("select set_config('search_path', $1, true)", [path])
}

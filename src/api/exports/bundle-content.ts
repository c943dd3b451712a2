import { nodeReader, readLeaves, type SignedHead } from
  '../../../projections/merkle/queries.ts'
import type { Tx } from '../../../projections/projection.ts'
import { LedgerError } from '../../errors.ts'
import { inTenant } from '../../postgres/transaction.ts'
import type { Scope } from '../../proof/bundle.ts'
import { writeBundle } from '../../proof/bundle-writer.ts'
import { earlierHead, type EarlierHead } from '../earlier-head.ts'
import { originOf, policyOfLog } from '../proofs.ts'
import { openReading } from '../reading.ts'
import { servedHead } from '../served-head.ts'
import type { Services } from '../services.ts'
import { allLeaves, filteredLeaves, type AsTenant } from './bundle-leaves.ts'
import { recordedFilter, type ExportScope, type Pass } from './scope.ts'
import { withShredded } from './shredded.ts'

/** The position of the last leaf of a signed tree; -1n for one without leaves. */
export async function lastLeaf (tx: Tx, { size }: SignedHead): Promise<bigint> {
  if (size === 0n) return -1n
  const [leaf] = await readLeaves(tx, size - 1n, size)
  if (leaf !== undefined) return leaf.position
  throw new LedgerError('CONTRADICTION', `rows lack leaf ${size - 1n}, which was signed`)
}

/**
 * The text of a bundle against the checkpoint at the scope's position: sealed leaves from the log
 * itself and their proofs, nothing opened, and who had been erased by then. Without a filter it
 * holds every leaf of the tree.
 * Throws ContentChanged; CONTRADICTION and LOG_REGRESSION where log and tree do not agree.
 */
export async function * bundleContent (
  services: Services, { tenant, filter, upTo, continues }: ExportScope, pass: Pass
): AsyncGenerator<string> {
  const asTenant: AsTenant = async (work) => await inTenant(services.pool, tenant, async (tx) => {
    await openReading(tx)
    return await work(tx)
  })
  const { head, policy, last, older } = await asTenant(async (tx) => {
    const head = await servedHead(tx, { upTo })
    if (head === undefined) throw new LedgerError('CONTRADICTION', 'the checkpoint is gone')
    const policy = await policyOfLog(tx, originOf(head), head.position)
    const older = continues === undefined ? [] : [await requireEarlier(tx, continues, head, upTo)]
    return { head, policy, last: await lastLeaf(tx, head), older }
  })
  const filters = recordedFilter(filter)
  const isWhole = Object.keys(filters).length === 0
  const scope: Scope = isWhole
    ? { type: 'range', from: 0n, to: head.size }
    : { type: 'filter', filter: filters }
  const source = { log: services.log, asTenant, size: head.size }
  const leaves = isWhole
    ? allLeaves(source, pass)
    : filteredLeaves(source, { filter, upTo: last }, pass)
  yield * writeBundle({
    manifest: { origin: originOf(head), policy, scope },
    checkpoint: head.note,
    older,
    leaves: withShredded(leaves, { asTenant, upTo }),
    readNodes: async (nodes) => await asTenant(async (tx) =>
      nodes.map(await nodeReader(tx, nodes, head.size)))
  })
}

/** That it was signed was seen when the export was asked for. */
async function requireEarlier (
  tx: Tx, size: bigint, head: SignedHead, upTo: bigint
): Promise<EarlierHead> {
  const older = await earlierHead(tx, size, { head, upTo })
  if (older !== undefined) return older
  throw new LedgerError('CONTRADICTION', `the checkpoint of ${size} leaves is gone`)
}

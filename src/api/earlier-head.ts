import { withCosignatures } from '../../projections/cosignatures/queries.ts'
import { headOfSize, nodeReader, type SignedHead } from '../../projections/merkle/queries.ts'
import type { Tx } from '../../projections/projection.ts'
import { planConsistency, proofFrom } from '../proof/merkle-proof.ts'
import { originOf } from './proofs.ts'

/** An earlier signed checkpoint, and the proof that a tree continued it: RFC 9162 2.1.4. */
export interface EarlierHead {
  checkpoint: string
  proof: Buffer[]
}

/**
 * The last checkpoint of a tree of that size, up to a position, and that the tree of `head`
 * continues it. Undefined if none of that size was signed for the same log.
 */
export async function earlierHead (
  tx: Tx, size: bigint, { head, upTo }: { head: SignedHead, upTo: bigint }
): Promise<EarlierHead | undefined> {
  if (size > head.size) return undefined
  const found = await headOfSize(tx, size, upTo)
  if (found === undefined || originOf(found) !== originOf(head)) return undefined
  const plan = planConsistency(size, head.size)
  const [[older = found], read] = await Promise.all([
    withCosignatures(tx, [found], upTo), nodeReader(tx, plan.flat(), head.size)
  ])
  return { checkpoint: older.note, proof: proofFrom(plan, read) }
}

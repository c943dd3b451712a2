import { lastCosigned, withCosignatures } from '../../projections/cosignatures/queries.ts'
import { headOfSize, listHeads, type SignedHead } from '../../projections/merkle/queries.ts'
import type { Tx } from '../../projections/projection.ts'

/** Witnesses that are further behind are away: what they signed last is too old to be shown. */
const COSIGNED_BEHIND_MAX_MS = 60_000

/** Which checkpoint is wanted. */
export interface HeadWanted {
  /** It must have so many leaves; else it does not matter. */
  leaves?: bigint
  /** Nothing after this position counts: so the answer is the same whenever it is asked. */
  upTo?: bigint | undefined
}

/**
 * The signed checkpoint to answer with, with its cosignatures: the last one that witnesses have
 * cosigned, unless they are away or it lacks leaves that are wanted; then the last one of all.
 * Undefined before the first.
 */
export async function servedHead (
  tx: Tx, { leaves = 0n, upTo }: HeadWanted = {}
): Promise<SignedHead | undefined> {
  const before = upTo === undefined ? undefined : upTo + 1n
  const [[last], cosigned] = await Promise.all([
    listHeads(tx, { before, limit: 1 }), lastCosigned(tx, upTo)
  ])
  if (last === undefined) return undefined
  const isUseful = cosigned !== undefined && cosigned.size >= leaves && cosigned.size < last.size &&
    Date.parse(last.recordedAt) - Date.parse(cosigned.recordedAt) <= COSIGNED_BEHIND_MAX_MS
  const head = isUseful ? await headOfSize(tx, cosigned.size, upTo) ?? last : last
  const [served] = await withCosignatures(tx, [head], upTo)
  return served
}

import { erasedAmong } from '../../../projections/exports/queries.ts'
import { RUN_MAX } from '../../proof/bundle.ts'
import type { BundleLeaf } from '../../proof/bundle-writer.ts'
import { sectionsOf } from '../../proof/section.ts'
import type { AsTenant } from './bundle-leaves.ts'

/** A leaf, and whose sealed sections are in it, by ref. */
export interface SealedLeaf extends BundleLeaf {
  refs: readonly string[]
}

/** Whose sections are in the data of an event, each once. */
export function refsIn (data: unknown): string[] {
  return [...new Set(sectionsOf(data).map(({ ref }) => ref))]
}

/**
 * The same leaves, each with those whose sections in it nobody can open any more: whom the log
 * orders to be erased up to that position. What is ordered later is another bundle's to say, so
 * that the same bundle is the same bytes. No more than a run is held in memory.
 */
export async function * withShredded (
  leaves: AsyncIterable<SealedLeaf>, { asTenant, upTo }: { asTenant: AsTenant, upTo: bigint }
): AsyncGenerator<BundleLeaf> {
  let held: SealedLeaf[] = []
  const marked = async (): Promise<BundleLeaf[]> => {
    const refs = [...new Set(held.flatMap((leaf) => leaf.refs))]
    const erased = refs.length === 0
      ? new Set<string>()
      : await asTenant(async (tx) => await erasedAmong(tx, refs, upTo))
    return held.map(({ refs, ...leaf }) =>
      ({ ...leaf, shredded: refs.filter((ref) => erased.has(ref)) }))
  }
  for await (const leaf of leaves) {
    held.push(leaf)
    if (held.length < RUN_MAX) continue
    yield * await marked()
    held = []
  }
  yield * await marked()
}

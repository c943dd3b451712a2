import type { Static } from '@sinclair/typebox'
import type { CheckpointPage } from '../../../schemas/http/proofs.ts'
import type { Checkpoint } from '../../proof/checkpoint.ts'
import { fault, type Finding } from '../../proof/finding.ts'
import type { Policy } from '../../proof/policy.ts'
import { describe, judgeCheckpoint } from '../../proof/trust.ts'
import type { Remote } from './remote.ts'

/** The checkpoints of a ledger that are signed by whom the user trusts, by size. */
export interface Heads {
  /** The last one; undefined if it is not to be trusted. */
  last: Checkpoint | undefined
  /** Position of the event that carries it. */
  until: string
  /** Size -> roots that were signed for it. */
  roots: Map<bigint, Buffer[]>
  count: number
}

/** Reads and judges every checkpoint. */
export async function readHeads (
  remote: Remote, policy: Policy, tell: (findings: readonly Finding[]) => void
): Promise<Heads> {
  const heads: Heads = { last: undefined, until: '0', roots: new Map(), count: 0 }
  let newer: Checkpoint | undefined
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const page: Static<typeof CheckpointPage> =
      await remote.json(`/v1/checkpoints?limit=200${query}`)
    for (const { checkpoint: note, position } of page.items) {
      const { checkpoint, findings } = judgeCheckpoint(note, policy)
      tell(findings)
      heads.count++
      if (heads.count === 1) heads.until = position
      if (checkpoint === undefined || findings.length > 0) continue
      if (heads.count === 1) heads.last = checkpoint
      if (newer !== undefined && checkpoint.size > newer.size) {
        tell([fault('reordered', `${describe(newer)} after the larger ${describe(checkpoint)}`)])
      }
      newer = checkpoint
      add(heads, checkpoint)
    }
    cursor = page.nextCursor
  }
  return heads
}

function add ({ roots }: Heads, { size, root }: Checkpoint): void {
  const known = roots.get(size)
  if (known === undefined) roots.set(size, [root])
  else if (!known.some((other) => other.equals(root))) known.push(root)
}

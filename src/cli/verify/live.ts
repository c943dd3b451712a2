import type { Static } from '@sinclair/typebox'
import type { ConsistencyProof } from '../../../schemas/http/proofs.ts'
import type { Checkpoint } from '../../proof/checkpoint.ts'
import { decodeHash } from '../../proof/format.ts'
import type { Finding } from '../../proof/finding.ts'
import { fault } from '../../proof/finding.ts'
import type { Policy } from '../../proof/policy.ts'
import { judgeCheckpoint, judgeConsistency } from '../../proof/trust.ts'
import { progressBar } from '../progress.ts'
import { readHeads } from './heads.ts'
import { walkLaterRuns, walkLog } from './log-walk.ts'
import type { Remote } from './remote.ts'
import { walkRows, walkTiles } from './row-walk.ts'

export interface LiveOptions {
  remote: Remote
  policy: Policy
  /** A signed checkpoint that the user kept. */
  kept: string | undefined
  tell: (findings: readonly Finding[]) => void
}

/** What was compared. */
export interface LiveSummary {
  checkpoint: Checkpoint | undefined
  checkpoints: number
  leaves: number
  rows: number
  /** Leaves whose rows retention removed, as the log says. */
  removed: number
}

/**
 * Walks a ledger: every checkpoint, every leaf from the log itself, every row of a leaf and of the
 * list of events. Tells whatever does not fit.
 */
export async function verifyLive (options: LiveOptions): Promise<LiveSummary> {
  const { remote, policy, kept, tell } = options
  const heads = await readHeads(remote, policy, tell)
  const { last: checkpoint, count: checkpoints } = heads
  if (checkpoint === undefined) {
    tell([fault('empty', 'the ledger has no last checkpoint that could be trusted')])
    return { checkpoint, checkpoints, leaves: 0, rows: 0, removed: 0 }
  }
  if (kept !== undefined) await continues(options, kept, checkpoint)
  const total = Number(checkpoint.size)
  const evidence = await withBar('Reading the log', total, async (onLeaf) =>
    await walkLog({ remote, heads, tell, onLeaf }))
  await withBar('Comparing the tree', total, async (onRow) => {
    await walkTiles({ remote, evidence, tell, onRow }, checkpoint)
  })
  const counted = await withBar('Comparing rows', evidence.size, async (onRow) =>
    await walkRows({ remote, evidence, tell, onRow }, async () => {
      await walkLaterRuns({ remote, heads, tell }, evidence)
    }))
  if (evidence.size === 0) tell([fault('empty', 'nothing was proven')])
  return { checkpoint, checkpoints, leaves: evidence.size, ...counted }
}

/** Whether the tree continued the one that the user knows. */
async function continues (
  { remote, policy, tell }: LiveOptions, kept: string, newer: Checkpoint
): Promise<void> {
  const { checkpoint: older, findings } = judgeCheckpoint(kept, policy)
  // It may be from before the first witness.
  tell(findings.filter(({ kind }) => kind !== 'no-quorum'))
  if (older === undefined) return
  const shown: Static<typeof ConsistencyProof> = older.size > newer.size
    ? { from: '0', to: '0', proof: [], older: null, newer: null }
    : await remote.json(`/v1/proofs/consistency?from=${older.size}&to=${newer.size}`)
  const proof = shown.proof.map((text) => decodeHash(text, 'consistency proof'))
  tell(judgeConsistency({ older, newer, proof }))
}

async function withBar<T> (
  label: string, total: number, work: (onOne: () => void) => Promise<T>
): Promise<T> {
  const bar = progressBar(label, total)
  try {
    return await work(() => { bar.add(1) })
  } finally {
    bar.end()
  }
}

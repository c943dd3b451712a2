import type { Checkpoint } from '../../proof/checkpoint.ts'
import type { Finding } from '../../proof/finding.ts'
import { fault } from '../../proof/finding.ts'
import type { Policy } from '../../proof/policy.ts'
import { judgeAge, judgeCheckpoint } from '../../proof/trust.ts'
import { progressBar } from '../progress.ts'
import { judgeGrowth, OWN_CLOCK, readHeads, type Clock } from './heads.ts'
import { walkLaterChanges, walkLog } from './log-walk.ts'
import type { Remote } from './remote.ts'
import { walkRows, type RowCount } from './row-walk.ts'
import { walkTiles } from './tile-walk.ts'
import { TrailSample } from './trail-sample.ts'
import { walkTrails, type TrailCount } from './trail-walk.ts'

/** Trails and feeds that are compared unless somebody asks for more. */
export const TRAILS_COMPARED = 20

export interface LiveOptions {
  remote: Remote
  policy: Policy
  /** A signed checkpoint that the user kept. */
  kept: string | undefined
  tell: (findings: readonly Finding[]) => void
  /** How many trails and feeds are compared, chosen by chance. */
  trails?: number
  /** How old the newest cosignature may be. */
  maxAgeSeconds?: bigint | undefined
  clock?: Clock
}

/** What was compared. */
export interface LiveSummary extends RowCount, TrailCount {
  checkpoint: Checkpoint | undefined
  checkpoints: number
  leaves: number
  /** Whether these are all trails and feeds that there are. */
  allTrails: boolean
}

/**
 * Walks a ledger: every checkpoint, every leaf from the log itself, every tile, every row of a leaf
 * and of the list of events, and some trails and feeds. Tells whatever does not fit.
 */
export async function verifyLive (options: LiveOptions): Promise<LiveSummary> {
  const { remote, policy, kept, tell, trails = TRAILS_COMPARED, clock = OWN_CLOCK } = options
  const heads = await readHeads({ remote, policy, tell, clock })
  const { last: checkpoint, count: checkpoints } = heads
  if (checkpoint === undefined) {
    tell([fault('empty', 'the ledger has no last checkpoint that could be trusted')])
    const nothing = { leaves: 0, rows: 0, removed: 0, trails: 0, allTrails: false }
    return { checkpoint, checkpoints, ...nothing }
  }
  if (options.maxAgeSeconds !== undefined) {
    const now = BigInt(Math.floor(clock.now() / 1000))
    tell(judgeAge(heads.cosigned?.cosignatures ?? [], { seconds: options.maxAgeSeconds, now }))
  }
  if (kept !== undefined) await continues(options, kept, checkpoint)
  const total = Number(checkpoint.size)
  const sample = new TrailSample(trails)
  const evidence = await withBar('Reading the log', total, async (onLeaf) =>
    await walkLog({ remote, heads, tell, sample, onLeaf }))
  await withBar('Comparing the tree', total, async (onRow) => {
    await walkTiles({ remote, evidence, tell, onRow }, checkpoint)
  })
  const laterChanges = async (): Promise<void> => {
    await walkLaterChanges({ remote, heads, tell }, evidence)
  }
  const counted = await withBar('Comparing rows', evidence.size, async (onRow) =>
    await walkRows({ remote, evidence, tell, onRow }, laterChanges))
  const followed = await withBar('Comparing trails', sample.chosen.length, async (onRow) =>
    await walkTrails({ remote, evidence, tell, onRow }, sample.chosen, laterChanges))
  if (evidence.size === 0) tell([fault('empty', 'nothing was proven')])
  const allTrails = sample.isWhole && followed.trails === sample.chosen.length
  return { checkpoint, checkpoints, leaves: evidence.size, ...counted, ...followed, allTrails }
}

/** Whether the tree continued the one that the user knows. */
async function continues (
  { remote, policy, tell }: LiveOptions, kept: string, newer: Checkpoint
): Promise<void> {
  const { checkpoint: older, findings } = judgeCheckpoint(kept, policy)
  // It may be from before the first witness.
  tell(findings.filter(({ kind }) => kind !== 'no-quorum'))
  if (older !== undefined) tell(await judgeGrowth(remote, older, newer))
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

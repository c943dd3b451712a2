import type { Static } from '@sinclair/typebox'
import type { CheckpointPage } from '../../../schemas/http/proofs.ts'
import type { Checkpoint } from '../../proof/checkpoint.ts'
import { fault, type Finding } from '../../proof/finding.ts'
import type { Policy } from '../../proof/policy.ts'
import { describe, judgeCheckpoint, type Cosignature } from '../../proof/trust.ts'
import type { Remote } from './remote.ts'

/** How far witnesses may be behind. */
const COSIGNED_BEHIND_MAX_MS = 15 * 60_000

/** A checkpoint that a quorum of witnesses has cosigned. */
interface CosignedHead {
  checkpoint: Checkpoint
  /** The newest cosignature, seconds since 1970. */
  time: bigint
}

/** The checkpoints of a ledger that are signed by whom the user trusts, by size. */
export interface Heads {
  /** The last one; undefined if it is not signed by whom the user trusts. */
  last: Checkpoint | undefined
  /** When it was recorded, by the ledger's clock: milliseconds since 1970. */
  lastAt: number
  /** The last one with a quorum, which may take a moment longer. */
  cosigned: CosignedHead | undefined
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
  const heads: Heads = {
    last: undefined, lastAt: 0, cosigned: undefined, until: '0', roots: new Map(), count: 0
  }
  let newer: Checkpoint | undefined
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const page: Static<typeof CheckpointPage> =
      await remote.json(`/v1/checkpoints?limit=200${query}`)
    for (const { checkpoint: note, position, recordedAt } of page.items) {
      const { checkpoint, cosignatures, findings } = judgeCheckpoint(note, policy)
      const faults = findings.filter(({ kind }) => kind !== 'no-quorum')
      tell(faults)
      heads.count++
      if (heads.count === 1) heads.until = position
      if (checkpoint === undefined || faults.length > 0) continue
      if (heads.count === 1) {
        heads.last = checkpoint
        heads.lastAt = Date.parse(recordedAt)
      }
      if (findings.length === 0) heads.cosigned ??= { checkpoint, time: newest(cosignatures) }
      if (newer !== undefined && checkpoint.size > newer.size) {
        tell([fault('reordered', `${describe(newer)} after the larger ${describe(checkpoint)}`)])
      }
      newer = checkpoint
      add(heads, checkpoint)
    }
    cursor = page.nextCursor
  }
  tell(judgeCosigned(heads))
  return heads
}

/**
 * Witnesses answer a moment after the signature, so the last checkpoint of all may lack them; when
 * they have not for a quarter of an hour, what is new since then rests on one signature alone.
 */
function judgeCosigned ({ last, lastAt, cosigned }: Heads): Finding[] {
  if (last === undefined) return []
  if (cosigned === undefined) {
    return [fault('no-quorum', `no checkpoint of ${last.origin} is cosigned by the quorum`)]
  }
  const { checkpoint, time } = cosigned
  if (checkpoint.size === last.size) return []
  const message = `${describe(checkpoint)} is the last with a quorum, ` +
    `${last.size - checkpoint.size} leaves before ${describe(last)}`
  return lastAt - Number(time) * 1000 > COSIGNED_BEHIND_MAX_MS && time > 0n
    ? [fault('no-quorum', message)]
    : [{ kind: 'no-quorum', severity: 'info', message }]
}

/** 0 where no witness is wanted. */
function newest (cosignatures: readonly Cosignature[]): bigint {
  return cosignatures.reduce((last, { time }) => time > last ? time : last, 0n)
}

function add ({ roots }: Heads, { size, root }: Checkpoint): void {
  const known = roots.get(size)
  if (known === undefined) roots.set(size, [root])
  else if (!known.some((other) => other.equals(root))) known.push(root)
}

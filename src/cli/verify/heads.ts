import { setTimeout as sleep } from 'node:timers/promises'
import type { Static } from '@sinclair/typebox'
import type { CheckpointPage, ConsistencyProof } from '../../../schemas/http/proofs.ts'
import type { Checkpoint } from '../../proof/checkpoint.ts'
import { fault, type Finding } from '../../proof/finding.ts'
import { decodeHash } from '../../proof/format.ts'
import type { Policy } from '../../proof/policy.ts'
import {
  describe, judgeCheckpoint, judgeConsistency, type CheckpointVerdict, type Cosignature
} from '../../proof/trust.ts'
import type { Remote } from './remote.ts'

/** How far witnesses may be behind, by the clock of whoever verifies. */
const COSIGNED_BEHIND_MAX_MS = 15 * 60_000
/** How long a checkpoint that was just signed is waited for, and how often it is looked for. */
const COSIGNED_WAIT_MS = 10_000
const COSIGNED_POLL_MS = 1_000
const PAGE = 200

/** The clock of whoever verifies: that of the ledger proves nothing. */
export interface Clock {
  now: () => number
  wait: (ms: number) => Promise<unknown>
}

export const OWN_CLOCK: Clock = { now: Date.now, wait: sleep }

/** A checkpoint that a quorum of witnesses has cosigned. */
interface CosignedHead {
  checkpoint: Checkpoint
  cosignatures: readonly Cosignature[]
}

/** The checkpoints of a ledger that are signed by whom the user trusts. */
export interface Heads {
  /** The last one; undefined if it is not signed by whom the user trusts. */
  last: Checkpoint | undefined
  /** The last one with a quorum, which may take a moment longer. */
  cosigned: CosignedHead | undefined
  /** Position of the event that carries it. */
  until: string
  /** Size -> roots that were signed for it, of the log that the last one is of. */
  roots: Map<bigint, Buffer[]>
  count: number
}

export interface HeadWalk {
  remote: Remote
  policy: Policy
  tell: (findings: readonly Finding[]) => void
  clock: Clock
}

/**
 * Reads and judges every checkpoint. Those of earlier epochs are of other logs: they are compared
 * with each other, but what they signed may be lost.
 */
export async function readHeads (walk: HeadWalk): Promise<Heads> {
  const { remote, policy, tell } = walk
  const heads: Heads = {
    last: undefined, cosigned: undefined, until: '0', roots: new Map(), count: 0
  }
  const epochs = new Map<string, Epoch>()
  for await (const [note, position] of notesOf(remote)) {
    const verdict = judgeCheckpoint(note, policy)
    if (heads.count++ === 0) heads.until = position
    const isUnknown = verdict.checkpoint !== undefined &&
      !policy.logs.some(({ key }) => key.name === verdict.checkpoint?.origin) &&
      isEarlierEpoch(verdict.checkpoint.origin, [...epochs.keys()][0])
    const faults = verdict.findings.filter(({ kind }) => kind !== 'no-quorum')
    if (!isUnknown) tell(faults)
    if (verdict.checkpoint === undefined) continue
    const trusted = faults.length === 0 ? verdict.checkpoint : undefined
    if (heads.count === 1) heads.last = trusted
    tell(takeHead(epochs, verdict, trusted))
  }
  const [current, ...earlier] = epochs.values()
  heads.roots = current?.roots ?? heads.roots
  heads.cosigned = current?.cosigned
  for (const epoch of earlier) tell(judgeEarlier(epoch))
  tell(await judgeCosigned(walk, heads))
  return heads
}

/** Every checkpoint and its position, newest first. */
async function * notesOf (remote: Remote): AsyncGenerator<[note: string, position: string]> {
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const page: Static<typeof CheckpointPage> =
      await remote.json(`/v1/checkpoints?limit=${PAGE}${query}`)
    for (const { checkpoint, position } of page.items) yield [checkpoint, position]
    cursor = page.nextCursor
  }
}

/** The checkpoints of one origin. */
interface Epoch {
  origin: string
  count: number
  trusted: number
  /** The one that was read before, which is the newer. */
  newer: Checkpoint | undefined
  cosigned: CosignedHead | undefined
  roots: Map<bigint, Buffer[]>
}

function takeHead (
  epochs: Map<string, Epoch>, { checkpoint, cosignatures, findings }: CheckpointVerdict,
  trusted: Checkpoint | undefined
): Finding[] {
  if (checkpoint === undefined) return []
  const { origin } = checkpoint
  const known = epochs.get(origin)
  const epoch = known ?? {
    origin, count: 0, trusted: 0, newer: undefined, cosigned: undefined, roots: new Map()
  }
  const before = [...epochs.keys()].at(-1)
  if (known === undefined) epochs.set(origin, epoch)
  epoch.count++
  if (trusted === undefined) return []
  epoch.trusted++
  const found: Finding[] = []
  if (known !== undefined && before !== origin) {
    found.push(fault('reordered', `${describe(checkpoint)} before one of ${before}`))
  }
  const { newer } = epoch
  if (newer !== undefined && checkpoint.size > newer.size) {
    found.push(fault('reordered', `${describe(newer)} after the larger ${describe(checkpoint)}`))
  }
  epoch.newer = checkpoint
  if (findings.length === 0) epoch.cosigned ??= { checkpoint, cosignatures }
  addRoot(epoch, checkpoint)
  return found
}

/** `<ledger name>/<tenant>`, from the second epoch on with its number. */
function isEarlierEpoch (origin: string, current: string | undefined): boolean {
  const [[ledger, tenant, epoch], [ownLedger, ownTenant, ownEpoch]] =
    [origin, current ?? ''].map((name) => name.split('/')) as [string[], string[]]
  return ledger === ownLedger && tenant === ownTenant && Number(epoch ?? 1) < Number(ownEpoch ?? 1)
}

function judgeEarlier ({ origin, count, trusted, roots }: Epoch): Finding[] {
  const forks = [...roots].filter(([, signed]) => signed.length > 1).map(([size, signed]) =>
    fault('forked', `${signed.length} trees of ${size} leaves were signed for ${origin}`))
  const message = `${count} checkpoints are of the log before, ${origin}; ` +
    `${trusted} of them are signed by whom you trust, none was compared with the log`
  return [...forks, { kind: 'foreign', severity: 'info', message }]
}

/**
 * Witnesses answer a moment after the signature, so the last checkpoint of all may lack them; when
 * they have not for a quarter of an hour, what is new since then rests on one signature alone. Of
 * when it was signed only witnesses can tell, so one that is late is waited for.
 */
async function judgeCosigned (walk: HeadWalk, heads: Heads): Promise<Finding[]> {
  const { last } = heads
  if (last === undefined) return []
  if (heads.cosigned === undefined) {
    return [fault('no-quorum', `no checkpoint of ${last.origin} is cosigned by the quorum`)]
  }
  const covers = (): boolean => (heads.cosigned?.checkpoint.size ?? 0n) >= last.size
  for (let ms = 0; !covers() && isLate(walk, heads) && ms < COSIGNED_WAIT_MS;) {
    await walk.clock.wait(COSIGNED_POLL_MS)
    ms += COSIGNED_POLL_MS
    heads.cosigned = await cosignedSince(walk, last) ?? heads.cosigned
  }
  if (covers()) return []
  const { checkpoint } = heads.cosigned
  const message = `${describe(checkpoint)} is the last with a quorum, ` +
    `${last.size - checkpoint.size} leaves before ${describe(last)}`
  return isLate(walk, heads)
    ? [fault('no-quorum', message)]
    : [{ kind: 'no-quorum', severity: 'info', message }]
}

function isLate ({ clock }: HeadWalk, { cosigned }: Heads): boolean {
  const time = cosigned?.cosignatures.reduce((last, { time }) => time > last ? time : last, 0n)
  return clock.now() - Number(time ?? 0n) * 1000 > COSIGNED_BEHIND_MAX_MS
}

/** A checkpoint with a quorum that has the last one's tree, or has grown from it. */
async function cosignedSince (
  { remote, policy }: HeadWalk, last: Checkpoint
): Promise<CosignedHead | undefined> {
  for await (const [note] of notesOf(remote)) {
    const { checkpoint, cosignatures, findings } = judgeCheckpoint(note, policy)
    if (checkpoint === undefined || checkpoint.origin !== last.origin) return undefined
    if (checkpoint.size < last.size) return undefined
    if (findings.length > 0) continue
    if ((await judgeGrowth(remote, last, checkpoint)).length === 0) {
      return { checkpoint, cosignatures }
    }
  }
  return undefined
}

/** Whether the tree of the one continues that of the other, by the ledger's own proof. */
export async function judgeGrowth (
  remote: Remote, older: Checkpoint, newer: Checkpoint
): Promise<Finding[]> {
  const shown: Pick<Static<typeof ConsistencyProof>, 'proof'> = older.size > newer.size
    ? { proof: [] }
    : await remote.json(`/v1/proofs/consistency?from=${older.size}&to=${newer.size}`)
  const proof = shown.proof.map((text) => decodeHash(text, 'consistency proof'))
  return judgeConsistency({ older, newer, proof })
}

function addRoot ({ roots }: Epoch, { size, root }: Checkpoint): void {
  const known = roots.get(size)
  if (known === undefined) roots.set(size, [root])
  else if (!known.some((other) => other.equals(root))) known.push(root)
}

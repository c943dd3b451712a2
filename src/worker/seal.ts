import { rootAt } from '../../projections/merkle/queries.ts'
import {
  CHECKPOINT_ACTION, CHECKPOINT_ENTITY, type CheckpointData
} from '../../schemas/checkpoint.ts'
import { LedgerError } from '../errors.ts'
import type { LogPosition } from '../ledger/log.ts'
import { ownRecord } from '../ledger/own-record.ts'
import { formatCheckpoint } from '../proof/checkpoint.ts'
import { publicKeyOf } from '../proof/keys.ts'
import { frontierRoot } from '../proof/merkle.ts'
import { signNote } from '../proof/note.ts'
import type { Fault } from './fault.ts'
import { Inconsistency } from './inconsistency.ts'
import {
  isOfEarlierEpoch, isSignedBy, readAs, type LastHead, type SealedTree, type TreeSource
} from './sealed-tree.ts'

export interface SealOptions {
  source: TreeSource
  /** Up to where the log was read for this tree. */
  through: LogPosition
  /** Milliseconds since 1970. */
  now: number
  newId: () => string
  fault: Fault
}

/**
 * Signs the tree as it was read from the log, and appends the checkpoint to the log right after
 * the last one: of two sealers one gets in. What was signed and did not get in, nobody has seen.
 * Throws Inconsistency if the rows have another root, CHECKPOINT_MOVED if another sealer was
 * faster, LOG_UNAVAILABLE if the outcome is unknown: begin again from what the log has then.
 */
export async function seal (tree: SealedTree, options: SealOptions): Promise<LastHead> {
  const { source, through, now, newId, fault } = options
  const { tenant, origin, frontier, head } = tree
  const root = frontierRoot(frontier)
  const { size } = frontier
  const projected = await readAs(source.pool, tenant, async (tx) => await rootAt(tx, size))
  if (projected?.equals(root) !== true) {
    throw new Inconsistency(tenant, 'tampered',
      `the rows of the first ${size} leaves do not lead to the root that the log has`)
  }
  await fault('compared')
  const { current, previous } = await source.signers(origin)
  // A key takes over by a checkpoint that both have signed.
  const handsOver = head !== undefined && !isSignedBy(head, current) && previous !== undefined &&
    !isOfEarlierEpoch(tree)
  const signers = handsOver ? [current, previous] : [current]
  const text = formatCheckpoint({ origin, size, root, extensions: [] })
  const checkpoint = await signNote(text, signers)
  await fault('signed')
  const keys = signers.map(({ key }) => publicKeyOf(key))
  const revision = await append(tree, options, {
    checkpoint,
    keys,
    through: { commit: String(through.commit), prepare: String(through.prepare) }
  }, newId())
  await fault('appended')
  return { size, root, revision, through, sealedAt: now, keys, note: checkpoint, origin }
}

async function append (
  { tenant, head }: SealedTree, { source: { log }, now }: SealOptions,
  data: CheckpointData, id: string
): Promise<bigint> {
  const { stream, event } = ownRecord(tenant, {
    action: CHECKPOINT_ACTION,
    category: 'system',
    actor: { type: 'system', id: 'sealer' },
    entity: CHECKPOINT_ENTITY,
    outcome: 'success',
    data
  }, { id, recordedAt: new Date(now).toISOString() })
  const outcome = await log.append(stream, [event], head?.revision)
  if (outcome.kind === 'appended') return outcome.lastRevision
  if (outcome.kind === 'conflict') {
    throw new LedgerError('CHECKPOINT_MOVED', `another sealer has sealed ${tenant}`)
  }
  throw new LedgerError('LOG_UNAVAILABLE', 'it is not known whether a checkpoint was appended',
    { cause: outcome.cause })
}

import { TypeCompiler } from '@sinclair/typebox/compiler'
import { CHECKPOINT_ENTITY, CheckpointData } from '../../schemas/checkpoint.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { parseSignedCheckpoint } from '../../src/proof/checkpoint.ts'
import { messageOf } from '../../src/proof/finding.ts'
import { tenantOf } from '../keys.ts'

/** A row of `merkle_checkpoint`. */
export interface HeadRow {
  event: DecodedEvent
  tenant: string
  size: bigint
  root: Buffer
  note: string
  keys: readonly string[]
  /** Up to where in `$all` the log was read for it. */
  through: { commit: bigint, prepare: bigint }
}

const data = TypeCompiler.Compile(CheckpointData)

/**
 * The checkpoint that an event of that entity carries, or why it carries none. Signatures are not
 * checked.
 */
export function headOf (
  event: DecodedEvent, { type, id }: { type: string, id: string } = CHECKPOINT_ENTITY
): HeadRow | { refused: string } {
  const { entity } = event.data
  const given: unknown = event.data.data
  if (entity?.type !== type || entity.id !== id) {
    return { refused: 'the stream is not that of checkpoints' }
  }
  if (!data.Check(given)) return { refused: 'the data is not that of a checkpoint' }
  try {
    const { checkpoint: { size, root } } = parseSignedCheckpoint(given.checkpoint)
    const { checkpoint: note, keys } = given
    const through = {
      commit: BigInt(given.through.commit), prepare: BigInt(given.through.prepare)
    }
    return { event, tenant: tenantOf(event), size, root, note, keys, through }
  } catch (err) {
    return { refused: messageOf(err) }
  }
}

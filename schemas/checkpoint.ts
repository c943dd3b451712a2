import { Type, type Static } from '@sinclair/typebox'
import { Int64 } from './primitives.ts'

/** The action of the events that carry signed checkpoints: the only records that are no leaves. */
export const CHECKPOINT_ACTION = 'ledger.checkpoint'
/** What these events happen to. One entity: a tenant's checkpoints are one stream. */
export const CHECKPOINT_ENTITY = { type: 'ledger_checkpoint', id: 'tree' } as const
/** The same checkpoints once witnesses have signed under them; a stream of their own. */
export const COSIGNED_ENTITY = { type: 'ledger_checkpoint', id: 'cosigned' } as const

/** The data of such an event. */
export const CheckpointData = Type.Object({
  checkpoint: Type.String({ description: 'C2SP tlog-checkpoint, a signed note' }),
  keys: Type.Array(Type.String(), {
    minItems: 1, description: 'Public keys (Ed25519, base64) of its signatures, the newest first'
  }),
  through: Type.Object({ commit: Int64, prepare: Int64 }, {
    description: 'Up to where in $all the log was read for it'
  })
})
export type CheckpointData = Static<typeof CheckpointData>

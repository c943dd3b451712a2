import { Type, type Static } from '@sinclair/typebox'
import { Int64 } from './primitives.ts'

/** What a tenant's epochs happen to. One entity: they are one stream, the second is revision 0. */
export const EPOCH_ENTITY = { type: 'ledger_integrity', id: 'epochs' } as const
export const EPOCH_ACTION = 'ledger.epoch_started'

/** The data of the event that starts one: the tree goes on under another origin. */
export const EpochData = Type.Object({
  epoch: Type.Integer({ minimum: 2 }),
  because: Type.Union([Type.Literal('lost-events'), Type.Literal('lost-key')]),
  reason: Type.String({ minLength: 1, maxLength: 1_000, description: 'In the operator\'s words' }),
  kept: Type.Optional({ ...Int64, description: 'Leaves that the log still has' }),
  seen: Type.Optional({ ...Int64, description: 'Leaves that readers had seen' }),
  checkpoint: Type.Optional(Type.String({
    description: 'The last signed checkpoint of the epoch before, as far as it is known'
  }))
}, { additionalProperties: false })
export type EpochData = Static<typeof EpochData>

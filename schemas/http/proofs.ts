import { Type, type Static } from '@sinclair/typebox'
import { Int64, Timestamp, Uuid } from '../primitives.ts'
import { Paging, pageOf } from './paging.ts'

const Hash = Type.String({ description: 'SHA-256, base64' })
const Note = Type.String({ description: 'C2SP tlog-checkpoint: a signed note' })

/** That an event is in the signed tree. */
export const InclusionProof = Type.Object({
  index: Int64,
  size: Int64,
  leafHash: Type.String({ description: 'SHA-256(0x00 || leaf data), hex' }),
  proof: Type.Array(Hash, { description: 'RFC 9162, from the leaf up' }),
  checkpoint: Note
}, { title: 'InclusionProof' })
export type InclusionProof = Static<typeof InclusionProof>

export const EventProof = Type.Composite([
  Type.Object({ id: Uuid, stream: Type.String(), revision: Int64 }), InclusionProof
], { title: 'EventProof' })

/** A signed checkpoint, taken apart for convenience: what counts is the note. */
export const CheckpointView = Type.Object({
  size: Int64,
  root: Hash,
  recordedAt: Timestamp,
  position: Int64,
  checkpoint: Note
}, { title: 'Checkpoint' })
export type CheckpointView = Static<typeof CheckpointView>

export const CurrentCheckpoint = Type.Composite([CheckpointView, Type.Object({
  policy: Type.String({
    description: 'C2SP tlog-policy: our keys for this log, and which sizes each may sign. To be ' +
      'compared with what you trust, never to be trusted because it is said here'
  })
})], { title: 'CurrentCheckpoint' })

export const CheckpointPage = pageOf(CheckpointView)
export const CheckpointsQuery = Type.Object({ ...Paging }, { additionalProperties: false })

export const ConsistencyQuery = Type.Object({
  from: { ...Int64, description: 'The smaller size' },
  to: Type.Optional({ ...Int64, description: 'The larger size; that of the last checkpoint' })
}, { additionalProperties: false })

export const EntityProofQuery = Type.Object({
  continues: Type.Optional({
    ...Int64,
    description: 'The size of an earlier checkpoint, which the bundle shows the tree to continue'
  })
}, { additionalProperties: false })

export const ConsistencyProof = Type.Object({
  from: Int64,
  to: Int64,
  proof: Type.Array(Hash, { description: 'RFC 9162' }),
  older: Type.Union([Note, Type.Null()], { description: 'A checkpoint of size from, if any' }),
  newer: Type.Union([Note, Type.Null()], { description: 'A checkpoint of size to, if any' })
}, { title: 'ConsistencyProof' })

export const TileParams = Type.Object({ '*': Type.String() })

/** The keys of this ledger, whatever the log. */
export const LedgerKeys = Type.Object({
  keys: Type.Array(Type.Object({
    algorithm: Type.Literal('ed25519'),
    publicKey: Type.String({ description: 'The 32 bytes of RFC 8032, base64' }),
    since: Timestamp,
    current: Type.Boolean()
  })),
  verifierKeys: Type.Optional(Type.Array(Type.String(), {
    description: 'The current one for the log that `origin` asks for, as C2SP signed-note writes it'
  })),
  policy: Type.Optional(Type.String({
    description: 'C2SP tlog-policy: the keys of that log, and which sizes each may sign'
  }))
}, { title: 'LedgerKeys' })

export const KeysQuery = Type.Object({
  origin: Type.Optional(Type.String({
    pattern: '^[A-Za-z0-9.-]{1,128}/[a-z0-9][a-z0-9-]{0,62}(/[1-9][0-9]{0,8})?$',
    description: 'The first line of a checkpoint: <ledger name>/<tenant>'
  }))
}, { additionalProperties: false })

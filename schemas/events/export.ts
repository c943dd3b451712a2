import { Type, type Static } from '@sinclair/typebox'
import { Int64, nullable, Timestamp } from '../primitives.ts'

const closed = { additionalProperties: false }

export const ExportFormat = Type.Union([
  Type.Literal('csv'), Type.Literal('json'), Type.Literal('ndjson'), Type.Literal('bundle')
], {
  description: 'csv: RFC 4180 with formulas escaped; json: one array; ndjson: a line an event; ' +
    'bundle: sealed leaves with their proofs, verified offline by `audit-ledger verify`'
})
export type ExportFormat = Static<typeof ExportFormat>

/** A filter as it is put on record: persons by their refs, what is sealed by tags of it. */
export const RecordedFilter = Type.Record(Type.String(), Type.Unknown(), {
  description: 'Persons by their refs, sealed values by the tags that only their keys make'
})
export type RecordedFilter = Static<typeof RecordedFilter>

export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256, hex' })
const Count = Type.Integer({ minimum: 0 })

/** What an export shows, fixed when it is asked for: the same again is the same bytes. */
const what = {
  format: ExportFormat,
  filters: RecordedFilter,
  upTo: { ...Int64, description: 'Events up to this position; of a bundle, its checkpoint\'s' },
  checkpoint: nullable({ ...Int64, description: 'Of a bundle: the size of its signed tree' }),
  continues: Type.Optional({
    ...Int64, description: 'Of a bundle: the size of the earlier tree that it is shown to continue'
  })
}

/** Somebody asked for an export. Nothing has left yet. */
export const ExportRequestedData = Type.Object({ ...what, expiresAt: Timestamp }, closed)
export type ExportRequestedData = Static<typeof ExportRequestedData>

/**
 * What the export came to, recorded before a byte of it leaves. An erasure or a retention run
 * changes what it shows: then there is another of these, with another digest.
 */
export const ExportedData = Type.Object({
  operation: Type.Literal('export'),
  ...what,
  rowCount: Count,
  bytes: Count,
  sha256: Sha256,
  changes: { ...Count, description: 'Erasures and retention runs that it reflects' }
}, closed)
export type ExportedData = Static<typeof ExportedData>

/** Data left: of one key within ten minutes the first is told ahead, the others as one. */
export const ExportDownloadedData = Type.Object({
  operation: Type.Literal('download'),
  sha256: Sha256,
  from: { ...Count, description: 'The first byte that the first of them asked for' },
  times: Type.Integer({ minimum: 1, description: 'Requests this stands for' })
}, closed)
export type ExportDownloadedData = Static<typeof ExportDownloadedData>

export const ExportDeletedData = Type.Object({}, closed)

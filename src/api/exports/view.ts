import type { ExportRecord } from '../../../projections/exports/queries.ts'
import type { ExportState, ExportView } from '../../../schemas/http/exports.ts'
import type { Job } from './work.ts'

/** What this process knows of an export beside its record. */
export interface Known {
  /** Milliseconds since 1970. */
  now: number
  job: Job | undefined
  /** Whether what is on record is what it shows now. */
  isCurrent: boolean
}

/** The state that an export is in. */
export function stateOf (record: ExportRecord, { now, job, isCurrent }: Known): ExportState {
  if (record.deletedAt !== null) return 'deleted'
  if (Date.parse(record.expiresAt) <= now) return 'expired'
  if (job?.failedAt !== undefined) return 'failed'
  return job === undefined && isCurrent && record.prepared !== undefined ? 'ready' : 'preparing'
}

/** An export as it is shown. */
export function exportView (record: ExportRecord, known: Known): ExportView {
  const { prepared, checkpoint, continues } = record
  const state = stateOf(record, known)
  return {
    id: record.id,
    state,
    progress: state === 'ready' ? 1 : known.job?.share ?? 0,
    format: record.format,
    filters: record.filters,
    upTo: String(record.upTo),
    checkpoint: checkpoint === null ? null : String(checkpoint),
    continues: continues === null ? null : String(continues),
    events: prepared?.events ?? null,
    bytes: prepared?.bytes ?? null,
    sha256: prepared?.sha256 ?? null,
    requestedAt: record.requestedAt,
    requestedBy: record.requestedBy,
    preparedAt: prepared?.at ?? null,
    expiresAt: record.expiresAt,
    downloads: record.downloads,
    downloadedAt: record.downloadedAt,
    downloadedBy: record.downloadedBy
  }
}

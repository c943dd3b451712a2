import type { Recorded } from '../../schemas/recorded.ts'
import type { LogPosition } from '../ledger/log.ts'

/** The last event that a generation's rows include, and where in the log it must still be. */
export interface Checkpoint extends LogPosition {
  stream: string
  revision: bigint
  id: string
}

/** A checkpoint as `control.projection` holds it; all null before the first event. */
export interface CheckpointRow {
  commit_position: bigint | null
  prepare_position: bigint | null
  stream: string | null
  revision: bigint | null
  event_id: string | null
}

export const CHECKPOINT_COLUMNS = 'commit_position, prepare_position, stream, revision, event_id'

/** The checkpoint that says: everything up to this event. */
export function checkpointOf ({ position, prepare, stream, revision, id }: Recorded): Checkpoint {
  return { commit: position, prepare, stream, revision, id }
}

/** The row's checkpoint, undefined before the first event. */
export function readCheckpoint (row: CheckpointRow): Checkpoint | undefined {
  const { commit_position: commit, prepare_position: prepare, stream, revision } = row
  if (commit === null || prepare === null || stream === null || revision === null ||
    row.event_id === null) return undefined
  return { commit, prepare, stream, revision, id: row.event_id }
}

/** Negative, zero or positive, as one comes before, at or after the other in the log. */
export function compareCheckpoints (
  one: LogPosition | undefined, other: LogPosition | undefined
): number {
  if (one === undefined || other === undefined) return Number(!!one) - Number(!!other)
  const difference = one.commit === other.commit
    ? one.prepare - other.prepare
    : one.commit - other.commit
  return difference < 0n ? -1 : Number(difference > 0n)
}

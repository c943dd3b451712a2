import { isLedgerError } from '../errors.ts'
import type { Log, LogPosition } from '../ledger/log.ts'
import { firstOf, readEvent } from '../ledger/read.ts'
import type { Checkpoint } from './checkpoint.ts'

/**
 * Whether the last processed event is still where it was: at its stream and revision, or at
 * least, when its stream was cut off or deleted since, at its position in `$all`, with the same
 * id. If not, the log is not the one that the rows were made from, or an older state of it: its
 * events would be taken for new ones. Throws LOG_UNAVAILABLE when the log cannot be asked.
 */
export async function isAnchored (log: Log, checkpoint: Checkpoint | undefined): Promise<boolean> {
  if (checkpoint === undefined) return true
  const { stream, revision, commit, id } = checkpoint
  const inStream = await readEvent(log, stream, revision)
  if (inStream !== undefined) return inStream.id === id && inStream.position === commit
  const head = await log.head()
  if (head === undefined || head.commit < commit) return false
  return await idAt(log, checkpoint) === id
}

/** A server that has just answered and now refuses has no event that begins at this position. */
async function idAt (log: Log, { commit, prepare }: LogPosition): Promise<string | undefined> {
  try {
    const event = await firstOf(log.readAll({ from: { commit, prepare }, max: 1 }))
    return event?.position === commit ? event.id : undefined
  } catch (err) {
    if (!isLedgerError(err, 'LOG_UNAVAILABLE')) throw err
    return undefined
  }
}

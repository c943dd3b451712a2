import { findEvent, type EventRow } from '../../projections/entries/queries.ts'
import { findRemoved } from '../../projections/entries/removed.ts'
import type { Tx } from '../../projections/projection.ts'
import { LedgerError } from '../errors.ts'
import type { LeafPlace } from './leaf.ts'

/** One event as reads show it. Throws REMOVED where retention took it away, else NOT_FOUND. */
export async function requireEvent (tx: Tx, id: string): Promise<EventRow> {
  const row = await findEvent(tx, id)
  if (row !== undefined) return row
  await refuseRemoved(tx, id)
  throw noEvent()
}

/** Where the log has an event, whether or not reads still show it. Throws NOT_FOUND. */
export async function placeOf (tx: Tx, id: string): Promise<LeafPlace> {
  const place = await findEvent(tx, id) ?? await findRemoved(tx, id)
  if (place === undefined) throw noEvent()
  return place
}

/** Throws REMOVED, with who removed it, if retention took this event away. */
export async function refuseRemoved (tx: Tx, id: string): Promise<undefined> {
  const removed = await findRemoved(tx, id)
  if (removed === undefined) return undefined
  const { stream, revision, position, run, policy, removedAt } = removed
  throw new LedgerError('REMOVED',
    `Retention run ${run} removed this event from reads at ${removedAt}; the log still has it`,
    {
      extra: {
        stream, revision: String(revision), position: String(position), run, policy, removedAt
      }
    })
}

function noEvent (): LedgerError {
  return new LedgerError('NOT_FOUND', 'There is no such event, or reads do not show it yet')
}

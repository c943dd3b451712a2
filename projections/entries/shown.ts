import type { DecodedEvent } from '../../schemas/recorded.ts'
import type { Erased } from '../projection.ts'
import { eraseRow } from './erase.ts'
import type { EventRow } from './queries.ts'
import { storedView } from './view.ts'

/** The row of an event that lists would show, with these persons erased. */
export function rowOf (
  event: DecodedEvent, erased: ReadonlyArray<Pick<Erased, 'ref' | 'erasure' | 'at'>>
): EventRow {
  const { id, stream, revision, position, action, data, leafHash } = event
  const { category, outcome } = data
  const named = { ...storedView(event), position, ...NOT_SHOWN }
  const { body, head, sealed } = erased.reduce(eraseRow, named)
  const columns = JSON.stringify({
    id,
    stream,
    revision: String(revision),
    position: String(position),
    action,
    category,
    outcome,
    leafHash: leafHash.toString('hex')
  })
  const whole = `${columns.slice(1, -1)},${body}`
  return { id, position, stream, revision, body: whole, head: head ?? '{}', sealed }
}

const NOT_SHOWN = { actor_key: null, entity_key: null, ip: null, session: null }

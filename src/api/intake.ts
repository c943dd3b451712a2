import { splitJson, splitNdjson } from '../../schemas/bodies.ts'
import { takeCloudEvent } from '../../schemas/cloud-event.ts'
import { takeEvent } from '../../schemas/door.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { BATCH_MAX_EVENTS } from '../../schemas/primitives.ts'
import { LedgerError, type Violation } from '../errors.ts'
import { idFromKey, idFromOrigin, type KeyOwner } from '../ledger/ids.ts'
import { CLOUD_EVENT_TYPE, CLOUD_EVENTS_TYPE, NDJSON_TYPE } from './bodies.ts'

/** An event of a request, or what is wrong with it. */
export type Taken =
  | { ok: true, event: EventInput }
  | { ok: false, error: LedgerError }

export interface Intake {
  /** The request sent a list, if perhaps of one: so does the answer. */
  many: boolean
  items: Taken[]
}

/** Where ids come from that the producer does not choose. */
export interface IdSource {
  idempotencyKey: string | undefined
  owner: KeyOwner
}

/**
 * The events of a body, each checked by itself: one that is refused says why and does not touch
 * the others. Throws for what makes the whole body unreadable: INVALID_JSON, INVALID_REQUEST if
 * it is empty, PAYLOAD_TOO_LARGE beyond BATCH_MAX_EVENTS.
 */
export function takeEvents (bytes: Buffer, mediaType: string, ids: IdSource): Intake {
  const { many, items } = split(bytes, mediaType)
  if (items.length === 0) throw new LedgerError('INVALID_REQUEST', 'The body holds no event')
  if (items.length > BATCH_MAX_EVENTS) {
    throw new LedgerError('PAYLOAD_TOO_LARGE',
      `More than ${BATCH_MAX_EVENTS} events in one request`)
  }
  const take = mediaType === CLOUD_EVENT_TYPE || mediaType === CLOUD_EVENTS_TYPE
    ? (item: Buffer) => takeCloud(item, ids.owner)
    : takeOne
  return { many, items: items.map((item, index) => withId(take(item), index, ids)) }
}

function split (bytes: Buffer, mediaType: string): { many: boolean, items: Buffer[] } {
  if (mediaType === NDJSON_TYPE) {
    return { many: true, items: splitNdjson(bytes).map((line) => line.bytes) }
  }
  // One CloudEvent is an object; an array of that type is refused for being none.
  if (mediaType === CLOUD_EVENT_TYPE) return { many: false, items: [bytes] }
  const found = splitJson(bytes)
  if (!found.ok) throw refused('INVALID_JSON', found.violations)
  if (mediaType === CLOUD_EVENTS_TYPE && !found.many) {
    throw refused('INVALID_EVENT', [{ pointer: '', detail: 'must be an array: a batch' }])
  }
  return found
}

/** A producer that sends a CloudEvent again says the same source and id, so the id is the same. */
function takeCloud (bytes: Buffer, owner: KeyOwner): Taken {
  const taken = takeCloudEvent(bytes)
  if (!taken.ok) return { ok: false, error: refused(taken.code, taken.violations) }
  return { ok: true, event: { ...taken.event, id: idFromOrigin(taken.origin, owner) } }
}

function takeOne (bytes: Buffer): Taken {
  const taken = takeEvent(bytes)
  return taken.ok ? taken : { ok: false, error: refused(taken.code, taken.violations) }
}

function withId (taken: Taken, index: number, { idempotencyKey, owner }: IdSource): Taken {
  if (!taken.ok || taken.event.id !== undefined || idempotencyKey === undefined) return taken
  return { ok: true, event: { ...taken.event, id: idFromKey(idempotencyKey, index, owner) } }
}

function refused (
  code: 'INVALID_JSON' | 'INVALID_EVENT' | 'EVENT_TOO_LARGE', violations: Violation[]
): LedgerError {
  const [first] = violations
  const said = first === undefined ? 'not valid' : `${first.pointer} ${first.detail}`.trim()
  return new LedgerError(code, said, { violations })
}

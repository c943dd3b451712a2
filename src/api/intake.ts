import { splitJson, splitNdjson } from '../../schemas/bodies.ts'
import { takeEvent } from '../../schemas/door.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { BATCH_MAX_EVENTS } from '../../schemas/primitives.ts'
import { LedgerError, type Violation } from '../errors.ts'
import { idFromKey, type KeyOwner } from '../ledger/ids.ts'
import { JSON_TYPE } from './bodies.ts'

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
  const { many, items } = mediaType === JSON_TYPE ? splitArray(bytes) : splitLines(bytes)
  if (items.length === 0) throw new LedgerError('INVALID_REQUEST', 'The body holds no event')
  if (items.length > BATCH_MAX_EVENTS) {
    throw new LedgerError('PAYLOAD_TOO_LARGE',
      `More than ${BATCH_MAX_EVENTS} events in one request`)
  }
  return { many, items: items.map((item, index) => withId(takeOne(item), index, ids)) }
}

function splitArray (bytes: Buffer): { many: boolean, items: Buffer[] } {
  const split = splitJson(bytes)
  if (!split.ok) throw refused('INVALID_JSON', split.violations)
  return split
}

function splitLines (bytes: Buffer): { many: boolean, items: Buffer[] } {
  return { many: true, items: splitNdjson(bytes).map((line) => line.bytes) }
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

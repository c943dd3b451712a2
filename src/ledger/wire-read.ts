import type { Recorded } from '../../schemas/recorded.ts'
import { EMPTY, eachField } from './wire-reader.ts'

/** What a Read call of the log answers with; `other` is of no interest to us. */
export type ReadMessage =
  /** Nothing recorded: a link whose event is gone. */
  | { kind: 'event', recorded: Recorded | undefined }
  | { kind: 'confirmation' | 'caught-up' | 'other' }
  | { kind: 'not-found', stream: string }

/* Field numbers of event_store.client.streams.ReadResp and of the messages in it. */
const RESPONSE = { event: 1, confirmation: 2, notFound: 4, caughtUp: 8 }
const READ_EVENT = { event: 1 }
const RECORDED = {
  id: 1, stream: 2, revision: 3, prepare: 4, commit: 5, metadata: 6, customMetadata: 7, data: 8
}
const UUID = { structured: 1, text: 2, high: 1, low: 2 }
const STREAM_NAME = 3
const NOT_FOUND_STREAM = 1
const ENTRY = { key: 1, value: 2 }

const text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

/**
 * Reads one answer of the log from its bytes, as the official client would, without the objects
 * between. Its JSON is parsed when somebody asks for it. Throws RangeError for what is no message.
 */
export function decodeRead (message: Uint8Array): ReadMessage {
  let answer: ReadMessage = { kind: 'other' }
  eachField(message, ({ number, bytes }) => {
    switch (number) {
      case RESPONSE.event: answer = { kind: 'event', recorded: recordedIn(bytes) }; break
      case RESPONSE.confirmation: answer = { kind: 'confirmation' }; break
      case RESPONSE.caughtUp: answer = { kind: 'caught-up' }; break
      case RESPONSE.notFound: answer = { kind: 'not-found', stream: notFoundIn(bytes) }; break
    }
  })
  return answer
}

function recordedIn (event: Uint8Array): Recorded | undefined {
  let recorded: Recorded | undefined
  eachField(event, ({ number, bytes }) => {
    if (number === READ_EVENT.event) recorded = decodeRecorded(bytes)
  })
  return recorded
}

/** What is gathered of an event while its fields go by. */
interface Parts extends Omit<Recorded, 'data' | 'metadata'> {
  isJson: boolean
  data: Uint8Array
  custom: Uint8Array
}

function decodeRecorded (record: Uint8Array): Recorded {
  const parts: Parts = {
    id: '',
    stream: '',
    revision: 0n,
    position: 0n,
    prepare: 0n,
    type: '<no-event-type-provided>',
    isJson: false,
    data: EMPTY,
    custom: EMPTY
  }
  eachField(record, ({ number, bytes, varint }) => {
    switch (number) {
      case RECORDED.id: parts.id = uuidIn(bytes); break
      case RECORDED.stream: parts.stream = memberIn(bytes, STREAM_NAME); break
      case RECORDED.revision: parts.revision = varint; break
      case RECORDED.prepare: parts.prepare = varint; break
      case RECORDED.commit: parts.position = varint; break
      case RECORDED.metadata: takeMetadata(parts, bytes); break
      case RECORDED.customMetadata: parts.custom = bytes; break
      case RECORDED.data: parts.data = bytes; break
    }
  })
  return parts.isJson ? withJson(parts) : withBytes(parts)
}

function takeMetadata (parts: Parts, entry: Uint8Array): void {
  const key = memberIn(entry, ENTRY.key)
  if (key === 'type') parts.type = memberIn(entry, ENTRY.value)
  if (key === 'content-type') parts.isJson = memberIn(entry, ENTRY.value) === 'application/json'
}

function withBytes ({ isJson, custom, ...event }: Parts): Recorded {
  return { ...event, metadata: metadataIn(custom) }
}

/** The event with its data parsed when first asked for; what is no JSON is its text. */
function withJson (
  { id, stream, revision, position, prepare, type, data, custom }: Parts
): Recorded {
  const json = text(data)
  let parsed: { data: unknown } | undefined
  return {
    id,
    stream,
    revision,
    position,
    prepare,
    type,
    metadata: metadataIn(custom),
    json,
    get data () {
      parsed ??= { data: parsedOr(json, json) }
      return parsed.data
    }
  }
}

function metadataIn (custom: Uint8Array): unknown {
  return custom.length === 0 ? undefined : parsedOr(text(custom), custom)
}

function parsedOr (json: string, fallback: unknown): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return fallback
  }
}

function memberIn (message: Uint8Array, wanted: number): string {
  let found = ''
  eachField(message, ({ number, bytes }) => { if (number === wanted) found = text(bytes) })
  return found
}

function notFoundIn (message: Uint8Array): string {
  let stream = ''
  eachField(message, ({ number, bytes }) => {
    if (number === NOT_FOUND_STREAM) stream = memberIn(bytes, STREAM_NAME)
  })
  return stream
}

function uuidIn (message: Uint8Array): string {
  let id = ''
  eachField(message, ({ number, bytes }) => {
    if (number === UUID.text) id = text(bytes)
    if (number === UUID.structured) id = structuredUuid(bytes)
  })
  return id
}

function structuredUuid (message: Uint8Array): string {
  let [high, low] = [0n, 0n]
  eachField(message, ({ number, varint }) => {
    if (number === UUID.high) high = varint
    if (number === UUID.low) low = varint
  })
  const hex = ((BigInt.asUintN(64, high) << 64n) | BigInt.asUintN(64, low))
    .toString(16).padStart(32, '0')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

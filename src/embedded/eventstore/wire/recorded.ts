/**
 * The stored form of an event: a complete gRPC message `ReadResp { event { event, commit_position
 * } }`, exactly as a reader receives it, so that reading is copying.
 */
import { putHead, putVarint, readFields, readVarint, varintSize } from './protobuf.ts'

/** An event as a client proposes it; `id` is a UUID in lower case. */
export interface ProposedEvent {
  readonly id: string
  readonly type: string
  readonly contentType: string
  readonly metadata: Uint8Array
  readonly data: Uint8Array
}

/** Where an event goes: its place is in its bytes, so it must be known before they are written. */
export interface Place {
  readonly stream: Buffer
  readonly revision: number
  readonly position: number
  /** Ticks of 100 ns since 1970, in decimal. */
  readonly created: string
}

/** The parts of a stored event; offsets point into the buffer that was parsed. */
export interface RecordedEvent {
  readonly id: string
  readonly stream: string
  readonly revision: number
  readonly position: number
  readonly type: string
  readonly createdMs: number
  readonly data: Buffer
  /** The bare `RecordedEvent` message, for wrapping it in another answer. */
  readonly message: Buffer
}

/** Bytes before a gRPC message: a flag (0: not compressed) and the length, big endian. */
export const GRPC_PREFIX = 5
/** Enough of a stored event to hold its id. */
export const HEAD_BYTES = 64

const mapKey = (key: string) => Buffer.from([0x0a, key.length, ...Buffer.from(key), 0x12])
const TYPE = mapKey('type')
const CONTENT_TYPE = mapKey('content-type')
const CREATED = mapKey('created')
const ID_SIZE = 40

/** An upper bound of what {@link putEvent} writes. */
export function eventBound (event: ProposedEvent, streamLength: number): number {
  return event.data.length + event.metadata.length + 3 * event.type.length +
    3 * event.contentType.length + streamLength + 224
}

/** Writes the gRPC message of an event at `at` and returns where it ends. */
export function putEvent (out: Buffer, at: number, event: ProposedEvent, place: Place): number {
  const typeLength = Buffer.byteLength(event.type)
  const contentLength = Buffer.byteLength(event.contentType)
  const positionSize = varintSize(place.position)
  const nameSize = place.stream.length + 1 + varintSize(place.stream.length)
  const recorded = ID_SIZE + nameSize + 1 + varintSize(nameSize) +
    3 + varintSize(place.revision) + 2 * positionSize +
    entrySize(TYPE, typeLength) + entrySize(CONTENT_TYPE, contentLength) +
    entrySize(CREATED, place.created.length) +
    bytesSize(event.metadata.length) + bytesSize(event.data.length)
  const readEvent = 1 + varintSize(recorded) + recorded + 1 + positionSize
  out[at] = 0
  out.writeUInt32BE(1 + varintSize(readEvent) + readEvent, at + 1)
  at = putHead(out, at + GRPC_PREFIX, 0x0a, readEvent)
  at = putHead(out, at, 0x0a, recorded)
  at = putHead(out, at, 0x0a, 38)
  at = putHead(out, at, 0x12, 36)
  at += out.write(event.id, at, 'latin1')
  at = putHead(out, at, 0x12, nameSize)
  at = putBytes(out, at, 0x1a, place.stream)
  at = putHead(out, at, 0x18, place.revision)
  at = putHead(out, at, 0x20, place.position)
  at = putHead(out, at, 0x28, place.position)
  at = putEntry(out, at, TYPE, event.type, typeLength)
  at = putEntry(out, at, CONTENT_TYPE, event.contentType, contentLength)
  at = putEntry(out, at, CREATED, place.created, place.created.length)
  if (event.metadata.length > 0) at = putBytes(out, at, 0x3a, event.metadata)
  if (event.data.length > 0) at = putBytes(out, at, 0x42, event.data)
  return putHead(out, at, 0x18, place.position)
}

/** Parses the gRPC message of a stored event that begins at `start`. */
export function parseEvent (buffer: Buffer, start: number): RecordedEvent {
  const [from, to] = recordedRange(buffer, start)
  let id = ''
  let stream = ''
  let revision = 0
  let position = 0
  let data = buffer.subarray(0, 0)
  const map = new Map<string, string>()
  readFields(buffer, from, to, (field, value, a, b) => {
    if (field === 1) id = buffer.toString('latin1', a + 2, b)
    else if (field === 2) stream = innerString(buffer, a, b)
    else if (field === 3) revision = value
    else if (field === 5) position = value
    else if (field === 6) readEntry(buffer, a, b, map)
    else if (field === 8) data = buffer.subarray(a, b)
  })
  return {
    id,
    stream,
    revision,
    position,
    type: map.get('type') ?? '',
    createdMs: Math.floor(Number(map.get('created') ?? '0') / 10_000),
    data,
    message: buffer.subarray(from, to)
  }
}

/** The id of the stored event that begins at `start`; its first {@link HEAD_BYTES} will do. */
export function parseEventId (buffer: Buffer, start: number): string {
  const [from] = recordedRange(buffer, start)
  return buffer.toString('latin1', from + 4, from + ID_SIZE)
}

/** Stream and type only, for filters. */
export function parseNames (buffer: Buffer, start: number): { stream: string, type: string } {
  const [from, to] = recordedRange(buffer, start)
  let stream = ''
  let type = ''
  let entries = 0
  readFields(buffer, from + ID_SIZE, to, (field, _value, a, b) => {
    if (field === 2) stream = innerString(buffer, a, b)
    else if (field === 6 && entries++ === 0) type = entryValue(buffer, a + TYPE.length, b)
  })
  return { stream, type }
}

/** Where the record of a stored event is: always the first field of the first field. */
function recordedRange (buffer: Buffer, start: number): [number, number] {
  const cursor = { buffer, at: start + GRPC_PREFIX + 1, end: buffer.length }
  readVarint(cursor)
  cursor.at++
  const length = readVarint(cursor)
  return [cursor.at, cursor.at + length]
}

function innerString (buffer: Buffer, start: number, end: number): string {
  let text = ''
  readFields(buffer, start, end, (_field, _value, a, b) => { text = buffer.toString('utf8', a, b) })
  return text
}

function readEntry (buffer: Buffer, start: number, end: number, map: Map<string, string>): void {
  let key = ''
  readFields(buffer, start, end, (field, _value, a, b) => {
    if (field === 1) key = buffer.toString('latin1', a, b)
    else map.set(key, buffer.toString('utf8', a, b))
  })
}

function entryValue (buffer: Buffer, at: number, end: number): string {
  while ((buffer[at++] ?? 0) >= 0x80);
  return buffer.toString('utf8', at, end)
}

const bytesSize = (length: number) => length === 0 ? 0 : 1 + varintSize(length) + length

function entrySize (key: Buffer, length: number): number {
  const inner = key.length + varintSize(length) + length
  return 1 + varintSize(inner) + inner
}

function putBytes (out: Buffer, at: number, tag: number, bytes: Uint8Array): number {
  at = putHead(out, at, tag, bytes.length)
  out.set(bytes, at)
  return at + bytes.length
}

function putEntry (
  out: Buffer, at: number, key: Buffer, ...[value, length]: [string, number]
): number {
  at = putHead(out, at, 0x32, key.length + varintSize(length) + length)
  out.set(key, at)
  at = putVarint(out, at + key.length, length)
  return at + out.write(value, at)
}

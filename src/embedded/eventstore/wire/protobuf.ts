/**
 * The part of the protobuf wire format that the protocol uses: varints and length-delimited fields.
 * Positions and revisions are numbers here, not bigints: they are file offsets and counts far below
 * 2^53, and this is the hottest code of the node.
 */

/** A message that is not well-formed protobuf, or lacks what the protocol requires. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

/** A place in a message that is being read. */
export interface Cursor {
  readonly buffer: Buffer
  at: number
  readonly end: number
}

/** A field as {@link readFields} shows it: `value` of a varint, else the bytes `[start, end)`. */
export type FieldVisitor = (field: number, value: number, start: number, end: number) => void

/** The largest number that {@link putVarint} writes as 2^63 - 1, which a double cannot hold. */
export const INT64_MAX = 2 ** 63

/**
 * Reads a varint and moves past it. Values above 2^53 lose precision, which is enough to know that
 * they are beyond every revision and position.
 * @throws {WireError} when it is cut off or longer than ten bytes.
 */
export function readVarint (cursor: Cursor): number {
  const { buffer, end } = cursor
  let value = 0
  let scale = 1
  for (let n = 0; n < 10; n++) {
    if (cursor.at >= end) throw new WireError('varint is cut off')
    const byte = buffer[cursor.at++] ?? 0
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value
    scale *= 128
  }
  throw new WireError('varint is longer than ten bytes')
}

/** Reads a varint exactly, as the 64 bits it carries. */
export function readVarint64 (buffer: Buffer, start: number): bigint {
  let value = 0n
  for (let n = 0; n < 10; n++) {
    const byte = buffer[start + n]
    if (byte === undefined) throw new WireError('varint is cut off')
    value |= BigInt(byte & 0x7f) << BigInt(7 * n)
    if (byte < 0x80) return BigInt.asUintN(64, value)
  }
  throw new WireError('varint is longer than ten bytes')
}

/**
 * Shows every field of the message in `[start, end)` to the visitor, in order.
 * For a varint `start` is where its bytes begin.
 * @throws {WireError} when the bytes are no message.
 */
export function readFields (
  buffer: Buffer, start: number, end: number, visit: FieldVisitor
): void {
  const cursor: Cursor = { buffer, at: start, end }
  while (cursor.at < end) {
    const tag = readVarint(cursor)
    const field = Math.floor(tag / 8)
    if (field === 0) throw new WireError('field number 0')
    const from = cursor.at
    switch (tag % 8) {
      case 0:
        visit(field, readVarint(cursor), from, cursor.at)
        break
      case 2: {
        const length = readVarint(cursor)
        const first = cursor.at
        cursor.at += length
        if (cursor.at > end) throw new WireError(`field ${field} is cut off`)
        visit(field, 0, first, cursor.at)
        break
      }
      case 1:
      case 5:
        cursor.at += tag % 8 === 1 ? 8 : 4
        if (cursor.at > end) throw new WireError(`field ${field} is cut off`)
        break
      default:
        throw new WireError(`field ${field} has wire type ${tag % 8}`)
    }
  }
}

/** The number of bytes that {@link putVarint} writes for a value. */
export function varintSize (value: number): number {
  if (value >= INT64_MAX) return 9
  let size = 1
  while (value >= 0x80) {
    value = value < 0x80000000 ? value >>> 7 : Math.floor(value / 128)
    size++
  }
  return size
}

/** Writes a varint at `at` and returns where it ends. */
export function putVarint (buffer: Buffer, at: number, value: number): number {
  if (value >= INT64_MAX) {
    buffer.fill(0xff, at, at + 8)
    buffer[at + 8] = 0x7f
    return at + 9
  }
  while (value >= 0x80000000) {
    buffer[at++] = (value % 128) | 0x80
    value = Math.floor(value / 128)
  }
  while (value >= 0x80) {
    buffer[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  buffer[at++] = value
  return at
}

/** Writes a tag of one byte and a varint (a value or a length) and returns where it ends. */
export function putHead (out: Buffer, at: number, tag: number, value: number): number {
  out[at] = tag
  return putVarint(out, at + 1, value)
}

/** A varint field as bytes. */
export function varintField (field: number, value: number): Buffer {
  const buffer = Buffer.allocUnsafe(varintSize(field * 8) + varintSize(value))
  putVarint(buffer, putVarint(buffer, 0, field * 8), value)
  return buffer
}

/** A length-delimited field as bytes: a string, raw bytes, or the parts of a nested message. */
export function bytesField (field: number, ...parts: (Uint8Array | string)[]): Buffer {
  const bytes = parts.map((part) => typeof part === 'string' ? Buffer.from(part) : part)
  const length = bytes.reduce((sum, part) => sum + part.length, 0)
  const head = Buffer.allocUnsafe(varintSize(field * 8) + varintSize(length))
  putVarint(head, putVarint(head, 0, field * 8 + 2), length)
  return Buffer.concat([head, ...bytes])
}

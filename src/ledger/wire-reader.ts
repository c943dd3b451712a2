/** A field of a protobuf message: its number, and its value by wire type. */
export interface Field {
  number: number
  /** Wire type 0; also 1 and 5, which are passed over as 0n. */
  varint: bigint
  /** Wire type 2; empty for the others. */
  bytes: Uint8Array
}

export const EMPTY = new Uint8Array(0)
/** So many bytes of a varint fit a double without loss: 7 * 7 = 49 bits. */
const EXACT_BYTES = 7
const VARINT_MAX_BYTES = 10

/**
 * Calls `take` for each field of a protobuf message, in order; the same Field object each time.
 * Throws RangeError for what is no message: cut short, or of a wire type that nobody uses.
 * Protocol Buffers encoding, "Message structure".
 */
export function eachField (message: Uint8Array, take: (field: Field) => void): void {
  const cursor = { message, at: 0 }
  const field: Field = { number: 0, varint: 0n, bytes: EMPTY }
  while (cursor.at < message.length) {
    const key = Number(varint(cursor))
    field.number = key >>> 3
    field.varint = 0n
    field.bytes = EMPTY
    switch (key & 7) {
      case 0: field.varint = varint(cursor); break
      case 1: skip(cursor, 8); break
      case 2: {
        const length = Number(varint(cursor))
        const start = cursor.at
        skip(cursor, length)
        field.bytes = message.subarray(start, cursor.at)
        break
      }
      case 5: skip(cursor, 4); break
      default: throw new RangeError(`wire type ${key & 7}`)
    }
    take(field)
  }
}

interface Cursor {
  readonly message: Uint8Array
  at: number
}

function varint (cursor: Cursor): bigint {
  const { message, at } = cursor
  let value = 0
  let factor = 1
  for (let count = 0; count < EXACT_BYTES; count++) {
    const byte = message[at + count] ?? cutShort()
    value += (byte & 0x7f) * factor
    if (byte < 0x80) {
      cursor.at = at + count + 1
      return BigInt(value)
    }
    factor *= 128
  }
  return longVarint(cursor, BigInt(value))
}

function longVarint (cursor: Cursor, low: bigint): bigint {
  const { message, at } = cursor
  let value = low
  for (let count = EXACT_BYTES; count < VARINT_MAX_BYTES; count++) {
    const byte = message[at + count] ?? cutShort()
    value |= BigInt(byte & 0x7f) << BigInt(7 * count)
    if (byte < 0x80) {
      cursor.at = at + count + 1
      return BigInt.asUintN(64, value)
    }
  }
  throw new RangeError('a varint of more than ten bytes')
}

function skip (cursor: Cursor, length: number): void {
  if (length > cursor.message.length - cursor.at) cutShort()
  cursor.at += length
}

function cutShort (): never {
  throw new RangeError('the message is cut short')
}

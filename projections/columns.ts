/**
 * Columns of a batch as parameters for `unnest`: arrays in Postgres's binary format, which cost
 * neither escaping here nor parsing there. The driver's own arrays are texts.
 */

/** What an array's elements are, by the type's number in every Postgres. */
const OID = { bigint: 20, bytea: 17, text: 25, timestamptz: 1184, uuid: 2950 } as const

const HEADER_BYTES = 20
const LENGTH_BYTES = 4
const NULL_LENGTH = -1
/** Where Postgres's time begins: 2000-01-01 in milliseconds since 1970. */
const EPOCH_MS = 946_684_800_000
const US_PER_MS = 1_000n

/**
 * For `$n::text[]`. Postgres has no U+0000 in text, so it becomes U+FFFD here; JSON text has it
 * as an escape anyway.
 */
export function textColumn (values: ReadonlyArray<string | null | undefined>): Buffer {
  const texts = values.map((value) =>
    value?.includes('\u0000') === true ? value.replaceAll('\u0000', '\uFFFD') : value)
  let bytes = 0
  for (const text of texts) bytes += Buffer.byteLength(text ?? '')
  const buffer = header(OID.text, texts.length, bytes)
  let offset = HEADER_BYTES
  for (const text of texts) {
    const length = text === null || text === undefined
      ? NULL_LENGTH
      : buffer.write(text, offset + LENGTH_BYTES)
    buffer.writeInt32BE(length, offset)
    offset += LENGTH_BYTES + Math.max(length, 0)
  }
  return buffer
}

/** For `$n::bigint[]`. */
export function bigintColumn (values: ReadonlyArray<bigint | number>): Buffer {
  return fixedColumn(OID.bigint, 8, values, (buffer, value, offset) => {
    buffer.writeBigInt64BE(BigInt(value), offset)
  })
}

/** For `$n::timestamptz[]`: RFC 3339 to milliseconds. */
export function timestampColumn (values: readonly string[]): Buffer {
  return fixedColumn(OID.timestamptz, 8, values, (buffer, value, offset) => {
    buffer.writeBigInt64BE(BigInt(Date.parse(value) - EPOCH_MS) * US_PER_MS, offset)
  })
}

/** For `$n::uuid[]`. */
export function uuidColumn (values: readonly string[]): Buffer {
  return fixedColumn(OID.uuid, 16, values, (buffer, value, offset) => {
    buffer.write(value.replaceAll('-', ''), offset, 'hex')
  })
}

/** Tenants and refs of persons, for `$1::text[], $2::uuid[]`. */
export function personColumns (
  persons: ReadonlyArray<{ tenant: string, ref: string }>
): [Buffer, Buffer] {
  return [
    textColumn(persons.map(({ tenant }) => tenant)), uuidColumn(persons.map(({ ref }) => ref))
  ]
}

/** For `$n::bytea[]`: 32-byte hashes. */
export function hashColumn (values: readonly Buffer[]): Buffer {
  return fixedColumn(OID.bytea, 32, values, (buffer, value, offset) => {
    value.copy(buffer, offset)
  })
}

function fixedColumn<T> (
  oid: number, size: number, values: readonly T[],
  write: (buffer: Buffer, value: T, offset: number) => void
): Buffer {
  const buffer = header(oid, values.length, values.length * size)
  let offset = HEADER_BYTES
  for (const value of values) {
    buffer.writeInt32BE(size, offset)
    write(buffer, value, offset + LENGTH_BYTES)
    offset += LENGTH_BYTES + size
  }
  return buffer
}

/** Room for the array after its header: dimensions, may hold nulls, type, length, first index. */
function header (oid: number, length: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + length * LENGTH_BYTES + bytes)
  for (const [i, word] of [1, 1, oid, length, 1].entries()) buffer.writeInt32BE(word, i * 4)
  return buffer
}

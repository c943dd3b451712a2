/** Bytes of a SHA-256 hash. */
export const HASH_BYTES = 32

/** The largest size, index or time that a text may hold: 2^63 - 1. */
export const DECIMAL_MAX = 2n ** 63n - 1n

/** Text that does not follow its format. The message says what is wrong, and where. */
export class FormatError extends Error {
  constructor (message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'FormatError'
  }
}

/**
 * Bytes from standard base64 (RFC 4648 section 4) in its only canonical spelling: padded, no line
 * breaks, unused bits zero. `bytes`: the length wanted. Throws FormatError, naming `what`.
 */
export function decodeBase64 (text: string, what: string, bytes?: number): Buffer {
  const decoded = Buffer.from(text, 'base64')
  if (decoded.toString('base64') !== text) throw new FormatError(`${what}: not base64`)
  if (bytes !== undefined && decoded.length !== bytes) {
    throw new FormatError(`${what}: ${decoded.length} bytes instead of ${bytes}`)
  }
  return decoded
}

/** A hash of 32 bytes from its base64 form. Throws FormatError, naming `what`. */
export function decodeHash (text: string, what: string): Buffer {
  return decodeBase64(text, what, HASH_BYTES)
}

/**
 * An unsigned number from ASCII decimal without leading zeroes, at most 2^63 - 1. Throws
 * FormatError, naming `what`.
 */
export function parseDecimal (text: string, what: string): bigint {
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(text)) throw new FormatError(`${what}: not a decimal`)
  const value = BigInt(text)
  if (value > DECIMAL_MAX) throw new FormatError(`${what}: above 2^63 - 1`)
  return value
}

/** The text of UTF-8 bytes. Throws FormatError, naming `what`, where they are not UTF-8. */
export function decodeUtf8 (bytes: Uint8Array, what: string): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  if (!Buffer.from(text, 'utf8').equals(bytes)) throw new FormatError(`${what}: not UTF-8`)
  return text
}

import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** The text of a key: `al_<environment>_<id>_<secret>_<crc>`. */
const KEY_TEXT = /^al_([a-z0-9]{1,16})_([0-9A-Za-z]{16})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/
const SECRET_BYTES = 32
const SECRET_LENGTH = 43
const ID_BYTES = 11
const ID_LENGTH = 16
const CRC_LENGTH = 6
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A key as it is made: the text goes to its holder once, id and hash stay. */
export interface NewApiKey {
  id: string
  text: string
  /** SHA-256 of the whole text; 32 random bytes need no slow hash. */
  hash: Buffer
}

/** A key as it arrives: well-formed and its checksum right, which says nothing about validity. */
export interface ParsedApiKey {
  environment: string
  id: string
  hash: Buffer
}

/** Makes a key; `environment` is 1 to 16 of `a-z0-9`. Throws for another environment. */
export function createApiKey (
  environment: string, random: (bytes: number) => Buffer = randomBytes
): NewApiKey {
  const id = base62(random(ID_BYTES), ID_LENGTH)
  const body = `al_${environment}_${id}_${base62(random(SECRET_BYTES), SECRET_LENGTH)}`
  const text = `${body}_${checksum(body)}`
  if (!KEY_TEXT.test(text)) throw new RangeError('environment must be 1 to 16 of a-z0-9')
  return { id, text, hash: hashKey(text) }
}

/**
 * Takes a key apart; undefined when it is no key at all or mistyped.
 * The CRC-32 catches every error burst of up to 32 bits before the database is asked.
 */
export function parseApiKey (text: string): ParsedApiKey | undefined {
  const [, environment, id, , crc] = KEY_TEXT.exec(text) ?? []
  if (environment === undefined || id === undefined) return undefined
  if (crc !== checksum(text.slice(0, -CRC_LENGTH - 1))) return undefined
  return { environment, id, hash: hashKey(text) }
}

/** Whether two key hashes are the same, in constant time. */
export function sameHash (one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function hashKey (text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

function checksum (text: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(text))
  return base62(bytes, CRC_LENGTH)
}

/** The bytes as one big-endian number in base 62, left-padded to `length` digits. */
function base62 (bytes: Buffer, length: number): string {
  let rest = BigInt('0x' + bytes.toString('hex'))
  let text = ''
  while (rest > 0n) {
    text = DIGITS.charAt(Number(rest % 62n)) + text
    rest /= 62n
  }
  return text.padStart(length, '0')
}

import { createHash } from 'node:crypto'
import { uuidv7 } from 'uuidv7'

/** A new event id: UUIDv7 (RFC 9562 section 5.7), lower case, ascending within a process. */
export function mintId (): string {
  return uuidv7()
}

/** What makes an Idempotency-Key one producer's: other sources may use the same words. */
export interface KeyOwner {
  tenant: string
  source: string
}

/**
 * The id of the event at an index of a request with an Idempotency-Key: the same for every
 * repetition of the request. UUIDv8 (RFC 9562 section 5.8) of SHA-256 over all that tells one
 * request from another.
 */
export function idFromKey (
  idempotencyKey: string, index: number, { tenant, source }: KeyOwner
): string {
  // A JSON array, because no text inside a JSON string can look like the border between two.
  return uuidOfText(JSON.stringify(['audit-ledger id', tenant, source, idempotencyKey, index]))
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The id of an event that its producer knows by an id of its own, which is one with its source
 * only: a UUID is taken as it is, of anything else a UUIDv8 is made, the same each time.
 */
export function idFromOrigin (
  origin: { source: string, id: string }, { tenant, source }: KeyOwner
): string {
  if (UUID.test(origin.id)) return origin.id
  return uuidOfText(
    JSON.stringify(['audit-ledger origin', tenant, source, origin.source, origin.id]))
}

/** The same UUID for the same text: UUIDv8 (RFC 9562 section 5.8) of its SHA-256. */
export function uuidOfText (text: string): string {
  const hash = createHash('sha256').update(text).digest()
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x80, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex', 0, 16)
  return [
    hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)
  ].join('-')
}

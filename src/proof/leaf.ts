import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'

/** What a leaf commits to: an event exactly as the log returns it. */
export interface LeafEvent {
  id: string
  stream: string
  revision: bigint
  type: string
  data: unknown
}

/**
 * The leaf data of an event: RFC 8785 canonical JSON of `{ id, stream, revision, type, data }`,
 * the revision as a decimal string. Throws for what canonical JSON cannot carry (NaN, lone
 * surrogates), which the door has refused before.
 */
export function leafData (event: LeafEvent): string {
  const { id, stream, type, data } = event
  const text = canonicalize({ id, stream, revision: event.revision.toString(), type, data })
  if (text === undefined) throw new TypeError('leaf data: not a JSON value')
  return text
}

/** The Merkle leaf hash of leaf data: SHA-256(0x00 || leaf data), RFC 6962 section 2.1. */
export function leafHash (leaf: string): Buffer {
  return hash('sha256', Buffer.from('\u0000' + leaf), 'buffer')
}

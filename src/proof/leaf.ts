import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { FormatError, parseDecimal } from './format.ts'

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
  return canonicalJson({ id, stream, revision: event.revision.toString(), type, data })
}

/** The Merkle leaf hash of leaf data: SHA-256(0x00 || leaf data), RFC 6962 section 2.1. */
export function leafHash (leaf: string): Buffer {
  return hash('sha256', Buffer.from('\u0000' + leaf), 'buffer')
}

/**
 * The event of leaf data. Throws FormatError unless the text is canonical (RFC 8785), so that no
 * reader can take it for anything else, and has exactly the members that leafData writes.
 */
export function parseLeafData (leaf: string): LeafEvent {
  const value = parseCanonical(leaf, 'leaf data')
  const { id, stream, revision, type, data, ...rest } = membersOf(value, 'leaf data')
  const known = typeof id === 'string' && typeof stream === 'string' && typeof type === 'string'
  if (!known || typeof revision !== 'string' || data === undefined) {
    throw new FormatError('leaf data: id, stream, revision, type or data is missing')
  }
  if (Object.keys(rest).length > 0) throw new FormatError('leaf data: an unknown member')
  return { id, stream, revision: parseDecimal(revision, 'leaf data: revision'), type, data }
}

/** The canonical JSON of a value, RFC 8785. Throws TypeError for what is not JSON. */
export function canonicalJson (value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('not a JSON value')
  return text
}

/** The value of a text in canonical JSON, RFC 8785. Throws FormatError for every other spelling. */
export function parseCanonical (text: string, what: string): unknown {
  let canonical: boolean
  let value: unknown
  try {
    value = JSON.parse(text)
    canonical = isPlainlyCanonical(value, text) || canonicalJson(value) === text
  } catch (err) {
    throw new FormatError(`${what}: not JSON`, { cause: err })
  }
  if (!canonical) throw new FormatError(`${what}: not canonical JSON`)
  return value
}

/** Whether a JSON value is an object. */
export function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The members of a JSON object. Throws FormatError for any other value. */
export function membersOf (value: unknown, what: string): Record<string, unknown> {
  if (!isObject(value)) throw new FormatError(`${what}: not an object`)
  return value
}

/**
 * Whether ECMAScript writes the value as that text, with sorted members. Then so does RFC 8785,
 * which is built on it, and need not be asked: that takes twice as long. Not so where ECMAScript
 * escapes a lone surrogate.
 */
function isPlainlyCanonical (value: unknown, text: string): boolean {
  return JSON.stringify(value) === text && !text.includes('\\ud') && isSorted(value)
}

function isSorted (value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isSorted)
  if (!isObject(value)) return true
  let last: string | undefined
  for (const name of Object.keys(value)) {
    if ((last !== undefined && name < last) || !isSorted(value[name])) return false
    last = name
  }
  return true
}

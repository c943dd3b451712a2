import { DIGITS_MAX, findFaults, FORBIDDEN_KEYS, UNSTORABLE } from './json-faults.ts'
import type { Violation } from './pointer.ts'
import { DEPTH_MAX, KEYS_MAX } from './primitives.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export type StrictJson =
  | { ok: true, value: unknown }
  | { ok: false, violations: Violation[] }

export interface StrictJsonLimits {
  /** Levels of objects and arrays. */
  depthMax?: number
  /** Members of all objects together. */
  keysMax?: number
}

/**
 * Parses JSON that can be kept exactly as it was sent: what JSON.parse would silently lose or
 * change (keys given twice, numbers out of range, bytes that are not UTF-8), what could not be
 * stored (U+0000, lone surrogates) and what is dangerous (depth, `__proto__`) is refused, with the
 * place (RFC 7493 asks for most of it). Cheap when there is nothing to refuse: one pass over the
 * bytes, JSON.parse, one pass over the keys.
 */
export function parseStrictJson (bytes: Buffer, limits: StrictJsonLimits = {}): StrictJson {
  const { depthMax = DEPTH_MAX, keysMax = KEYS_MAX } = limits
  const seen = scan(bytes)
  const text = seen.ascii ? bytes.toString('latin1') : bytes.toString('utf8')
  if (!seen.ascii) {
    const detail = encodingFault(text, bytes)
    if (detail !== undefined) return refuse(detail)
  }
  if (seen.depth > depthMax) {
    return refuse(`is nested deeper than ${depthMax} levels`, findFaults(text, depthMax))
  }
  if (seen.members > keysMax) return refuse(`has more than ${keysMax} members in all`)

  let value: Json
  try {
    value = JSON.parse(text)
  } catch (err) {
    return refuse(describe(err, text))
  }
  const members = countMembers(value, seen.escapes)
  if (members === seen.members && !seen.suspectNumber) return { ok: true, value }
  const violations = findFaults(text, depthMax)
  return violations.length > 0 ? { ok: false, violations } : { ok: true, value }
}

function refuse (detail: string, violations: Violation[] = []): StrictJson {
  return { ok: false, violations: violations.length > 0 ? violations : [{ pointer: '', detail }] }
}

interface Scan {
  ascii: boolean
  /** Deepest nesting. */
  depth: number
  /** Colons outside strings: in JSON, one for each member of an object. */
  members: number
  /** Whether there is any \u: the only way to a lone surrogate or U+0000 in valid UTF-8. */
  escapes: boolean
  /** Whether there is a number with so many digits, or an exponent, that it needs a look. */
  suspectNumber: boolean
}

/** One pass over the bytes, before anything is parsed. */
function scan (bytes: Buffer): Scan {
  const seen = { ascii: true, depth: 0, members: 0, escapes: false, suspectNumber: false }
  let open = 0
  let digits = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte === 0x22) {
      i = endOfString(bytes, i + 1, seen)
      digits = 0
    } else if (byte >= 0x30 && byte <= 0x39) {
      if (++digits > DIGITS_MAX) seen.suspectNumber = true
    } else if (byte === 0x3a) seen.members++
    else if (byte === 0x7b || byte === 0x5b) {
      if (++open > seen.depth) seen.depth = open
    } else if (byte === 0x7d || byte === 0x5d) {
      open--
      digits = 0
    } else if (byte === 0x65 || byte === 0x45) {
      if (digits > 0) seen.suspectNumber = true
    } else if (byte >= 0x80) seen.ascii = false
    else if (byte !== 0x2e) digits = 0
  }
  return seen
}

/** The place of the closing quote. */
function endOfString (bytes: Buffer, start: number, seen: Scan): number {
  let i = start
  let any = 0
  for (; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte === 0x22) break
    if (byte === 0x5c && bytes[++i] === 0x75) seen.escapes = true
    any |= byte
  }
  if (any >= 0x80) seen.ascii = false
  return i
}

/** U+FFFD stands for what was not UTF-8, unless it was sent. */
function encodingFault (text: string, bytes: Buffer): string | undefined {
  if (text.charCodeAt(0) === 0xfeff) return 'starts with a byte order mark, which JSON must not'
  return text.includes('\ufffd') && !Buffer.from(text).equals(bytes) ? 'is not UTF-8' : undefined
}

/** Members of all objects in the value; -1 if one has a name or holds a text that is refused. */
function countMembers (value: Json | undefined, escapes: boolean): number {
  if (typeof value === 'string') return escapes && UNSTORABLE.test(value) ? -1 : 0
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER ? -1 : 0
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  if (Array.isArray(value)) {
    for (const item of value) {
      const below = countMembers(item, escapes)
      if (below < 0) return -1
      members += below
    }
    return members
  }
  for (const key of Object.keys(value)) {
    if (FORBIDDEN_KEYS.has(key) || (escapes && UNSTORABLE.test(key))) return -1
    const below = countMembers(value[key], escapes)
    if (below < 0) return -1
    members += below + 1
  }
  return members
}

/** V8's own message would quote the text, and with it personal data. */
function describe (err: unknown, text: string): string {
  const [, at] = /at position (\d+)/.exec(err instanceof Error ? err.message : '') ?? []
  if (text.trim() === '') return 'is empty: JSON is expected'
  return at === undefined ? 'is not JSON' : `is not JSON from character ${Number(at) + 1} on`
}

import type { Violation } from './pointer.ts'
import { BATCH_MAX_EVENTS } from './primitives.ts'

/** One line of NDJSON. */
export interface Line {
  bytes: Buffer
  /** As an editor counts them: from 1, empty lines included. */
  line: number
}

export type JsonItems =
  | { ok: true, many: boolean, items: Buffer[] }
  | { ok: false, violations: Violation[] }

const NEWLINE = 0x0a
const RETURN = 0x0d

/**
 * The lines of NDJSON, as views of the same bytes; empty ones and CR before LF are left out. Stops
 * after one more than `max`, so that too many can be told from enough.
 */
export function splitNdjson (bytes: Buffer, max = BATCH_MAX_EVENTS): Line[] {
  const lines: Line[] = []
  let start = 0
  for (let line = 1; start < bytes.length && lines.length <= max; line++) {
    const found = bytes.indexOf(NEWLINE, start)
    const next = found === -1 ? bytes.length : found
    const end = next > start && bytes[next - 1] === RETURN ? next - 1 : next
    if (!isBlank(bytes, start, end)) lines.push({ bytes: bytes.subarray(start, end), line })
    start = next + 1
  }
  return lines
}

/**
 * The elements of a JSON array, or the body itself if it is no array, as views of the same bytes:
 * each is parsed, limited and refused by itself. Only the array around them is checked here.
 * Stops after one more than `max`.
 */
export function splitJson (bytes: Buffer, max = BATCH_MAX_EVENTS): JsonItems {
  const first = skipBlank(bytes, 0, bytes.length)
  if (bytes[first] !== 0x5b) return { ok: true, many: false, items: [bytes] }
  const items: Buffer[] = []
  let start = first + 1
  let open = 1
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === 0x22) i = endOfString(bytes, i + 1)
    else if (byte === 0x5b || byte === 0x7b) open++
    else if (byte === 0x5d || byte === 0x7d) open--
    if (open === 0 || (open === 1 && byte === 0x2c)) {
      const isEmptyArray = open === 0 && items.length === 0 && isBlank(bytes, start, i)
      if (!isEmptyArray) items.push(bytes.subarray(start, i))
      start = i + 1
    }
    if (items.length > max) return { ok: true, many: true, items }
    if (open === 0) break
  }
  if (open > 0) return broken('is an array without an end')
  if (bytes[start - 1] !== 0x5d) return broken('is an array closed by }')
  if (!isBlank(bytes, start, bytes.length)) return broken('goes on after the end of its array')
  return { ok: true, many: true, items }
}

function broken (detail: string): JsonItems {
  return { ok: false, violations: [{ pointer: '', detail }] }
}

function endOfString (bytes: Buffer, start: number): number {
  let i = start
  while (i < bytes.length && bytes[i] !== 0x22) i += bytes[i] === 0x5c ? 2 : 1
  return i
}

/** The first place from `start` that is no JSON white space, `end` at the latest. */
function skipBlank (bytes: Buffer, start: number, end: number): number {
  let i = start
  while (i < end && (bytes[i] === 0x20 || bytes[i] === 0x09 ||
    bytes[i] === NEWLINE || bytes[i] === RETURN)) i++
  return i
}

function isBlank (bytes: Buffer, start: number, end: number): boolean {
  return skipBlank(bytes, start, end) === end
}

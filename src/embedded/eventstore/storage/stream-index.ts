/**
 * Where every event of every stream is: eight bytes per event. Positions that came from the index
 * snapshot lie in one array, stream after stream; newer ones are in the stream's own tail.
 */
import { isMetastream, originalOf, type Settings } from './settings.ts'

/** One stream. It may exist for its metadata only, without an event. */
export interface StreamEntry {
  readonly name: string
  /** Where its positions begin in the shared array, and how many are there. */
  base: number
  baseCount: number
  tail: number[]
  /** The position of its tombstone, or 0. */
  tombstone: number
  settings: Settings | undefined
  /** The position of the metadata event that `settings` came from, or 0. */
  settingsPosition: number
}

/** All streams. Everything that was appended is here, durable or not. */
export interface StreamIndex {
  readonly streams: ReadonlyMap<string, StreamEntry>
  /** Positions of frames, one for about every 64 KiB of log, in order: where a walk can begin. */
  readonly marks: number[]
  get (stream: string): StreamEntry | undefined
  getOrCreate (stream: string): StreamEntry
  /** The position of an existing revision. */
  position (entry: StreamEntry, revision: number): number
  /** Remembers the frame that begins at `position` when the last mark is far enough away. */
  mark (position: number): void
  /** The last mark at or before a position. */
  markBefore (position: number): number
}

/** The last revision of a stream, -1 when it has no event. */
export const lastRevision = (entry: StreamEntry | undefined): number =>
  entry === undefined ? -1 : entry.baseCount + entry.tail.length - 1

/** The position of the tombstone that ends a stream or the stream whose metadata it holds, or 0. */
export function tombstoneOf (index: StreamIndex, stream: string): number {
  const original = isMetastream(stream) ? index.get(originalOf(stream)) : undefined
  return Math.max(index.get(stream)?.tombstone ?? 0, original?.tombstone ?? 0)
}

const MARK_DISTANCE = 64 * 1024

/** An index over positions that a snapshot holds, or an empty one. */
export function createStreamIndex (
  base: Float64Array = new Float64Array(0),
  streams: Map<string, StreamEntry> = new Map(),
  marks: number[] = []
): StreamIndex {
  function getOrCreate (name: string): StreamEntry {
    const known = streams.get(name)
    if (known !== undefined) return known
    const entry: StreamEntry = {
      name, base: 0, baseCount: 0, tail: [], tombstone: 0, settings: undefined, settingsPosition: 0
    }
    streams.set(name, entry)
    return entry
  }

  function position (entry: StreamEntry, revision: number): number {
    const found = revision < entry.baseCount
      ? base[entry.base + revision]
      : entry.tail[revision - entry.baseCount]
    if (found === undefined) throw new RangeError(`${entry.name} has no revision ${revision}`)
    return found
  }

  return {
    streams,
    marks,
    get: (stream) => streams.get(stream),
    getOrCreate,
    position,
    mark (position) {
      if (position - (marks.at(-1) ?? -Infinity) >= MARK_DISTANCE) marks.push(position)
    },
    markBefore (position) {
      const after = lowerBound(marks.length, (i) => (marks[i] ?? 0) <= position)
      return marks[after - 1] ?? 0
    }
  }
}

/** The last revision whose event lies before `end`; -1 when there is none. */
export function lastBefore (index: StreamIndex, entry: StreamEntry, end: number): number {
  const last = lastRevision(entry)
  if (last < 0 || index.position(entry, last) < end) return last
  return lowerBound(last, (revision) => index.position(entry, revision) < end) - 1
}

/** The first of `count` sorted items for which `before` no longer holds. */
export function lowerBound (count: number, before: (i: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (before(middle)) low = middle + 1
    else high = middle
  }
  return low
}

/** Reading one stream: its positions come from the index, its events from the log. */
import { parseEvent } from '../wire/recorded.ts'
import { CHUNK_BYTES, createChunk, type Chunk } from './chunk.ts'
import type { Engine } from './engine.ts'
import { createEventLoader, WINDOW_BYTES } from './event-loader.ts'
import { resolveLink } from './links.ts'
import type { EventCursor } from './read-all.ts'
import { firstVisible, isSoftDeleted } from '../storage/settings.ts'
import {
  lastBefore, lastRevision, tombstoneOf, type StreamEntry, type StreamIndex
} from '../storage/stream-index.ts'

export interface StreamOptions {
  readonly stream: string
  /** The first revision forward, the last one backward; Infinity means the end. */
  readonly revision: number
  readonly backward: boolean
  readonly count: number
  readonly resolveLinks: boolean
}

/** The stream has been tombstoned. */
export class StreamDeletedError extends Error {
  override readonly name = 'StreamDeletedError'
  readonly stream: string
  constructor (stream: string) {
    super(`stream ${stream} is deleted`)
    this.stream = stream
  }
}

/**
 * The last revision that a reader may see, or nothing when there is no such stream for it.
 * Waits until what hides events is durable itself.
 * @throws {StreamDeletedError} when the stream is tombstoned.
 */
export async function visibleLast (engine: Engine, stream: string): Promise<number | undefined> {
  const { log, index } = engine
  const entry = index.get(stream)
  const tombstone = tombstoneOf(index, stream)
  if (Math.max(tombstone, entry?.settingsPosition ?? 0) >= log.durableEnd) await log.flushed()
  if (tombstone > 0) throw new StreamDeletedError(stream)
  if (entry === undefined) return undefined
  const last = lastBefore(index, entry, log.durableEnd)
  return last < 0 || isSoftDeleted(entry.settings) ? undefined : last
}

/** Reads a stream from a revision on, for ever when forward. */
export function readStream (engine: Engine, options: StreamOptions): EventCursor {
  const { log, index } = engine
  const { stream, backward } = options
  const step = backward ? -1 : 1
  const load = createEventLoader(log)
  let revision = options.revision
  let left = options.count

  async function gather (entry: StreamEntry, first: number, last: number): Promise<Chunk> {
    const chunk = createChunk()
    while (left > 0 && revision >= first && revision <= last && chunk.bytes < CHUNK_BYTES) {
      const place = { revision, last, step }
      const event = await load(index.position(entry, revision),
        () => neighbour(index, entry, place))
      revision += step
      left--
      const shown = options.resolveLinks ? await resolveLink(engine, event) : event
      chunk.add(shown, 0, shown.length)
    }
    return chunk
  }

  /** With a maximum age, the first event that is not too old: time goes on along a stream. */
  async function firstYoung (entry: StreamEntry, first: number, last: number): Promise<number> {
    const maxAgeMs = entry.settings?.maxAgeMs
    if (maxAgeMs === undefined) return first
    const oldest = engine.now() - maxAgeMs
    let end = last + 1
    while (first < end) {
      const middle = (first + end) >>> 1
      const position = index.position(entry, middle)
      const { createdMs } = parseEvent(await load(position, () => position), 0)
      if (createdMs < oldest) first = middle + 1
      else end = middle
    }
    return first
  }

  async function next (): Promise<Buffer | undefined> {
    const last = await visibleLast(engine, stream)
    const entry = index.get(stream)
    if (last === undefined || entry === undefined) {
      if (backward) left = 0
      return undefined
    }
    const first = await firstYoung(entry, firstVisible(stream, entry.settings, last), last)
    revision = backward ? Math.min(revision, last) : Math.max(revision, first)
    const chunk = await gather(entry, first, last)
    if (backward && revision < first) left = 0
    return chunk.take()
  }

  function ready (): boolean {
    const entry = index.get(stream)
    if (entry === undefined || left === 0) return false
    if (backward) return revision >= 0
    if (tombstoneOf(index, stream) > 0) return true
    if (isSoftDeleted(entry.settings) || revision > lastRevision(entry)) return false
    return index.position(entry, revision) < log.durableEnd
  }

  return { next, ready }
}

/** The position of the furthest event in the direction of reading that lies close by. */
function neighbour (
  index: StreamIndex, entry: StreamEntry,
  { revision, last, step }: { revision: number, last: number, step: number }
): number {
  const position = index.position(entry, revision)
  let until = position
  for (let r = revision + step; r >= 0 && r <= last; r += step) {
    const next = index.position(entry, r)
    if (Math.abs(next - position) > WINDOW_BYTES) break
    until = next
  }
  return until
}

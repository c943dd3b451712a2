/** Reading one stream: its positions come from the index, its events from the log. */
import { GRPC_PREFIX, parseEvent } from '../wire/recorded.ts'
import { CHUNK_BYTES, createChunk } from './chunk.ts'
import type { Engine } from './engine.ts'
import { resolveLink } from './links.ts'
import type { EventCursor } from './read-all.ts'
import { firstVisible, isSoftDeleted } from './settings.ts'
import { lastBefore, lastRevision, type StreamEntry } from './stream-index.ts'

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

/** The first read of events that are scattered over the log takes one page each. */
const PAGE = 4096
const WINDOW_BYTES = 64 * 1024

/**
 * The last revision that a reader may see, or nothing when there is no such stream for it.
 * Waits until what hides events is durable itself.
 * @throws {StreamDeletedError} when the stream is tombstoned.
 */
export async function visibleLast (engine: Engine, stream: string): Promise<number | undefined> {
  const { log, index } = engine
  const entry = index.get(stream)
  if (entry === undefined) return undefined
  if (Math.max(entry.tombstone, entry.settingsPosition) >= log.durableEnd) await log.flushed()
  if (entry.tombstone > 0) throw new StreamDeletedError(stream)
  const last = lastBefore(index, entry, log.durableEnd)
  return last < 0 || isSoftDeleted(entry.settings) ? undefined : last
}

/** Reads a stream from a revision on, for ever when forward. */
export function readStream (engine: Engine, options: StreamOptions): EventCursor {
  const { log, index } = engine
  const { stream, backward } = options
  let revision = options.revision
  let left = options.count
  let window: Buffer = Buffer.alloc(0)
  let windowAt = 0

  /** The event of a revision: from memory, from what was read last, or from the file. */
  async function load (entry: StreamEntry, last: number): Promise<Buffer> {
    const position = index.position(entry, revision)
    const cached = log.cached(position) ?? inWindow(position)
    if (cached !== undefined) return cached.subarray(0, lengthOf(cached))
    const [from, to] = neighbourhood(entry, position, last)
    window = await log.read(from, to - from)
    windowAt = from
    const event = inWindow(position) ?? await log.read(position, PAGE)
    const length = lengthOf(event)
    return event.length >= length ? event.subarray(0, length) : await log.read(position, length)
  }

  function inWindow (position: number): Buffer | undefined {
    const start = position - windowAt
    if (start < 0 || start + GRPC_PREFIX > window.length) return undefined
    const event = window.subarray(start)
    return event.length >= lengthOf(event) ? event : undefined
  }

  /** The stretch of log that holds this event and the next ones, if they lie close together. */
  function neighbourhood (
    entry: StreamEntry, position: number, last: number
  ): [number, number] {
    let other = position
    const step = backward ? -1 : 1
    for (let r = revision + step; r >= 0 && r <= last; r += step) {
      const next = index.position(entry, r)
      if (Math.abs(next - position) > WINDOW_BYTES) break
      other = next
    }
    return backward ? [other, position + PAGE] : [position, other + PAGE]
  }

  async function next (): Promise<Buffer | undefined> {
    const last = await visibleLast(engine, stream)
    const entry = index.get(stream)
    if (last === undefined || entry === undefined) return undefined
    const first = firstVisible(stream, entry.settings, last)
    revision = backward ? Math.min(revision, last) : Math.max(revision, first)
    const chunk = createChunk()
    while (left > 0 && revision >= first && revision <= last && chunk.bytes < CHUNK_BYTES) {
      const event = await load(entry, last)
      revision += backward ? -1 : 1
      if (isTooOld(engine, entry, event)) continue
      left--
      const shown = options.resolveLinks ? await resolveLink(engine, event) : event
      chunk.add(shown, 0, shown.length)
    }
    if (backward && revision < first) left = 0
    return chunk.take()
  }

  function ready (): boolean {
    const entry = index.get(stream)
    if (entry === undefined || left === 0) return false
    if (backward) return revision >= 0
    if (entry.tombstone > 0) return true
    if (isSoftDeleted(entry.settings) || revision > lastRevision(entry)) return false
    return index.position(entry, revision) < log.durableEnd
  }

  return { next, ready }
}

const lengthOf = (event: Buffer) => GRPC_PREFIX + event.readUInt32BE(1)

function isTooOld (engine: Engine, entry: StreamEntry, event: Buffer): boolean {
  const maxAge = entry.settings?.maxAgeMs
  return maxAge !== undefined && parseEvent(event, 0).createdMs < engine.now() - maxAge
}

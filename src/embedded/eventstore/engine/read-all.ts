/** Reading `$all`: forward by walking the log, backward by walking it in stretches. */
import { checkpointMessage } from '../wire/responses.ts'
import { parseNames } from '../wire/recorded.ts'
import { FILE_HEADER } from '../storage/frame.ts'
import { CHUNK_BYTES, createChunk, type Chunk } from './chunk.ts'
import type { Engine } from './engine.ts'
import type { Filter } from './filter.ts'
import { resolveLink } from './links.ts'
import { createWalker, type Walker } from './walker.ts'

/** A reader at some place. `next` gives stored events for the wire, or nothing for now. */
export interface EventCursor {
  next (): Promise<Buffer | undefined>
  /** Whether `next` would have something to look at. */
  ready (): boolean
}

export interface AllOptions {
  /** The first position that may be shown, or the first that may not be when backward. */
  readonly position: number
  readonly count: number
  readonly resolveLinks: boolean
  readonly filter?: Filter | undefined
  /** Send a checkpoint whenever this many events were looked at. */
  readonly checkpointEvery?: number | undefined
}

/** A position that is not where an event begins. */
export class InvalidPositionError extends Error {
  override readonly name = 'InvalidPositionError'
}

/** A filtered reader lets others run after it looked at this many events. */
const LOOKED_MAX = 4096

/** The forward cursor also tells the checkpoint for going live, once for each position. */
export interface ForwardCursor extends EventCursor {
  checkpoint (): Buffer | undefined
}

/** Reads forward from a position on, for ever. */
export function readAllForward (engine: Engine, options: AllOptions): ForwardCursor {
  const { log } = engine
  const { filter, checkpointEvery = Infinity } = options
  const walker = createWalker(log, startOf(engine, options.position))
  let left = options.count
  let looked = 0
  let lastLooked = -1
  let lastSent = -1

  function checkpoint (): Buffer | undefined {
    if (filter === undefined || lastLooked < 0 || lastLooked === lastSent) return undefined
    lastSent = lastLooked
    return checkpointMessage(lastLooked)
  }

  async function gather (chunk: Chunk): Promise<void> {
    const pause = looked + LOOKED_MAX
    while (left > 0 && chunk.bytes < CHUNK_BYTES && looked < pause) {
      const found = walker.advance()
      if (found === false || (found !== true && !await found)) return
      if (walker.position < options.position) continue
      looked++
      lastLooked = walker.position
      if (filter?.(parseNames(walker.buffer, walker.at)) ?? true) {
        left--
        const added = addEvent(engine, chunk, walker, options.resolveLinks)
        if (added !== undefined) await added
      }
      if (looked % checkpointEvery === 0) addMessage(chunk, checkpoint())
    }
    if (looked >= pause) await new Promise((resolve) => { setImmediate(resolve) })
  }

  return {
    checkpoint,
    ready: () => left > 0 && walker.position + walker.length < log.durableEnd,
    async next () {
      const chunk = createChunk()
      await gather(chunk)
      return chunk.take()
    }
  }
}

/** Reads backward: events before a position, newest first. */
export function readAllBackward (engine: Engine, options: AllOptions): EventCursor {
  let end = Math.min(options.position, engine.log.durableEnd)
  let left = options.count

  async function next (): Promise<Buffer | undefined> {
    const chunk = createChunk()
    while (left > 0 && end > FILE_HEADER && chunk.bytes < CHUNK_BYTES) {
      const start = startOf(engine, end - 1)
      const events = await collect(engine, start, end)
      end = start
      for (const event of events.reverse()) {
        if (left === 0) break
        if (options.filter?.(parseNames(event, 0)) === false) continue
        left--
        addMessage(chunk, options.resolveLinks ? await resolveLink(engine, event) : event)
      }
    }
    return chunk.take()
  }
  return { next, ready: () => left > 0 && end > FILE_HEADER }
}

/**
 * Checks that a position is where an event begins, or the start, or beyond the end.
 * @throws {InvalidPositionError} when it is within an event.
 */
export async function checkPosition (engine: Engine, position: number): Promise<void> {
  if (position === 0 || position >= engine.log.durableEnd) return
  const walker = createWalker(engine.log, startOf(engine, position))
  while (await walker.advance()) {
    if (walker.position === position) return
    if (walker.position > position) break
  }
  throw new InvalidPositionError(`position ${position} is not where an event begins`)
}

/** A frame at or before a position, where a walk can begin. */
function startOf (engine: Engine, position: number): number {
  const end = engine.log.durableEnd
  return position >= end ? end : Math.max(FILE_HEADER, engine.index.markBefore(position))
}

async function collect (engine: Engine, start: number, end: number): Promise<Buffer[]> {
  const events: Buffer[] = []
  const walker = createWalker(engine.log, start)
  while (await walker.advance() && walker.position < end) {
    events.push(walker.buffer.subarray(walker.at, walker.at + walker.length))
  }
  return events
}

function addEvent (
  engine: Engine, chunk: Chunk, walker: Walker, resolveLinks: boolean
): Promise<void> | undefined {
  const { buffer, at, length } = walker
  if (!resolveLinks) {
    chunk.add(buffer, at, at + length)
    return undefined
  }
  return resolveLink(engine, buffer.subarray(at, at + length))
    .then((event) => { addMessage(chunk, event) })
}

function addMessage (chunk: Chunk, message: Buffer | undefined): void {
  if (message !== undefined) chunk.add(message, 0, message.length)
}

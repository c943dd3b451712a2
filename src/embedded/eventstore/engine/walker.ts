/** Walks the events of the log in order, from any event or frame on. */
import { FRAME_HEADER, FRAME_MARK, SECTION_HEADER, SECTION_MARK } from '../storage/frame.ts'
import type { Log } from '../storage/log.ts'
import { GRPC_PREFIX } from '../wire/recorded.ts'

/** The log holds something at an offset that is no frame, section or event. */
export class DamagedLogError extends Error {
  override readonly name = 'DamagedLogError'
  constructor (offset: number) {
    super(`the log is damaged at offset ${offset}`)
  }
}

/** A place in the log. After {@link Walker.advance} the event is `buffer[at, at + length)`. */
export interface Walker {
  buffer: Buffer
  at: number
  length: number
  /** The position of the event, or where the next one will begin after the durable end. */
  position: number
  /** Goes to the next durable event; false when there is none yet. A promise only for the file. */
  advance (): boolean | Promise<boolean>
}

/** Every stalled reader holds this much. */
const READ_BYTES = 64 * 1024
const EMPTY = Buffer.alloc(0)

/** A walker whose first event is the first one at or after `offset`, a frame or an event. */
export function createWalker (log: Log, offset: number): Walker {
  let need = 1

  /** Moves over headers to an event that is complete in the buffer; else says what it needs. */
  function step (): boolean {
    const { buffer } = walker
    for (;;) {
      const rest = buffer.length - walker.at
      need = rest === 0 ? 1 : headerSize(buffer, walker.at, walker.position)
      if (rest < need) return false
      need = fullSize(buffer, walker.at)
      if (rest < need) return false
      if (buffer[walker.at] === 0) {
        walker.length = need
        return true
      }
      walker.at += need
      walker.position += need
    }
  }

  function place (buffer: Buffer): boolean {
    walker.buffer = buffer
    walker.at = 0
    if (step()) return true
    // Frames become durable as a whole, so what is needed must be there.
    const rest = log.durableEnd - walker.position
    if (rest > 0 && need > rest) throw new DamagedLogError(walker.position)
    return false
  }

  async function fromFile (): Promise<boolean> {
    while (walker.position < log.durableEnd) {
      const cached = log.cached(walker.position)
      const size = Math.min(Math.max(READ_BYTES, need), log.durableEnd - walker.position)
      const buffer = cached ?? await log.read(walker.position, size)
      if (cached === undefined && buffer.length < size) throw new DamagedLogError(walker.position)
      if (place(buffer)) return true
    }
    return false
  }

  const walker: Walker = {
    buffer: EMPTY,
    at: 0,
    length: 0,
    position: offset,
    advance () {
      walker.at += walker.length
      walker.position += walker.length
      walker.length = 0
      if (step()) return true
      while (walker.position < log.durableEnd) {
        const cached = log.cached(walker.position)
        if (cached === undefined) return fromFile()
        if (place(cached)) return true
      }
      return false
    }
  }
  return walker
}

/** What must be there to know how long the thing is that begins at `at`. */
function headerSize (buffer: Buffer, at: number, position: number): number {
  switch (buffer[at]) {
    case 0: return GRPC_PREFIX
    case FRAME_MARK: return FRAME_HEADER
    case SECTION_MARK: return SECTION_HEADER
    default: throw new DamagedLogError(position)
  }
}

function fullSize (buffer: Buffer, at: number): number {
  switch (buffer[at]) {
    case 0: return GRPC_PREFIX + buffer.readUInt32BE(at + 1)
    case FRAME_MARK: return FRAME_HEADER
    default: return SECTION_HEADER + buffer.readUInt16LE(at + 2)
  }
}

/** Reading single events of the log, and keeping what was read around the last one. */
import type { Log } from '../storage/log.ts'
import { GRPC_PREFIX } from '../wire/recorded.ts'

/** Events that lie this close together are read at once. */
export const WINDOW_BYTES = 64 * 1024
/** What is read for an event of unknown length: small buffers come from Node's pool. */
const PAGE = 2048
/**
 * This little is read without leaving the thread: from the page cache that takes a tenth of the
 * time of a trip to the pool, and events of a stream that are scattered over the log take one each.
 */
const AT_ONCE_BYTES = 8 * PAGE

/**
 * Gives the complete event at a durable position. `until` is asked only before the file is read:
 * for the position of the last event that is wanted soon.
 */
export type EventLoader = (position: number, until: () => number) => Buffer | Promise<Buffer>

/** A loader for one reader. */
export function createEventLoader (log: Log): EventLoader {
  let window: Buffer = Buffer.alloc(0)
  let windowAt = 0

  function inWindow (position: number): Buffer | undefined {
    const start = position - windowAt
    if (start < 0 || start + GRPC_PREFIX > window.length) return undefined
    const length = lengthOf(window, start)
    return start + length <= window.length ? window.subarray(start, start + length) : undefined
  }

  async function read (offset: number, position: number, size: number): Promise<Buffer> {
    window = size <= AT_ONCE_BYTES ? log.peek(offset, size) : await log.read(offset, size)
    windowAt = offset
    return inWindow(position) ?? await log.read(position, lengthOf(log.peek(position, PAGE), 0))
  }

  return (position, until) => {
    const cached = log.cached(position)
    if (cached !== undefined) return cached.subarray(0, lengthOf(cached, 0))
    const known = inWindow(position)
    if (known !== undefined) return known
    const other = until()
    const from = Math.min(position, other)
    return read(from, position, Math.max(position, other) + PAGE - from)
  }
}

const lengthOf = (buffer: Buffer, start: number): number =>
  GRPC_PREFIX + buffer.readUInt32BE(start + 1)

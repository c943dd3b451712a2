/**
 * The newest frames of the log in memory, bounded in bytes: live subscribers and retries read from
 * here. Frames that are not yet durable are always kept.
 */
export interface TailCache {
  /** Adds the frame that begins at `offset`; frames arrive in order. */
  add (offset: number, frame: Buffer): void
  /** The bytes from `offset` to the end of the frame that holds it, if it is still here. */
  find (offset: number): Buffer | undefined
  /** Drops the oldest frames beyond the bound, but none at or after `durable`. */
  trim (durable: number): void
}

/** A cache that keeps about `maxBytes`. */
export function createTailCache (maxBytes: number): TailCache {
  let offsets: number[] = []
  let frames: Buffer[] = []
  let first = 0
  let bytes = 0

  function find (offset: number): Buffer | undefined {
    let low = first
    let high = offsets.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      if ((offsets[middle] ?? 0) <= offset) low = middle + 1
      else high = middle - 1
    }
    const start = offsets[high]
    const frame = frames[high]
    if (high < first || start === undefined || frame === undefined) return undefined
    return offset < start + frame.length ? frame.subarray(offset - start) : undefined
  }

  function trim (durable: number): void {
    for (; bytes > maxBytes && (offsets[first] ?? Infinity) < durable; first++) {
      bytes -= frames[first]?.length ?? 0
      frames[first] = EMPTY
    }
    // Shifting an array one by one is quadratic: cut the dead front off once it is half of it.
    if (first > 1024 && first * 2 > offsets.length) {
      offsets = offsets.slice(first)
      frames = frames.slice(first)
      first = 0
    }
  }

  return {
    add (offset, frame) {
      offsets.push(offset)
      frames.push(frame)
      bytes += frame.length
    },
    find,
    trim
  }
}

const EMPTY = Buffer.alloc(0)

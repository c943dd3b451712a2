/** Gathers stored events into one buffer for the wire. Neighbours are taken as one piece. */
export interface Chunk {
  readonly bytes: number
  /** Adds `[from, to)` of a buffer. */
  add (buffer: Buffer, from: number, to: number): void
  /** Everything that was added, or nothing. */
  take (): Buffer | undefined
}

/** A reader stops gathering when it has about this many bytes. */
export const CHUNK_BYTES = 64 * 1024

/** An empty chunk. */
export function createChunk (): Chunk {
  const parts: Buffer[] = []
  let source: Buffer | undefined
  let start = 0
  let end = 0
  let bytes = 0

  function closeRun (): void {
    if (source !== undefined) parts.push(source.subarray(start, end))
    source = undefined
  }

  return {
    get bytes () { return bytes },
    add (buffer, from, to) {
      bytes += to - from
      if (buffer === source && from === end) {
        end = to
        return
      }
      closeRun()
      source = buffer
      start = from
      end = to
    },
    take () {
      closeRun()
      return parts.length > 1 ? Buffer.concat(parts, bytes) : parts[0]
    }
  }
}

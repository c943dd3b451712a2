import { createHash } from 'node:crypto'
import type { ByteRange } from './range.ts'

/** What a whole export comes to, by what is on record. */
export interface Expected {
  bytes: number
  sha256: string
}

/** The content is not what is on record: its last bytes were kept back. */
export class NotAsRecorded extends Error {}

/**
 * The part of a text that is asked for. What goes before is made all the same and left out. A part
 * that reaches the end is only let go whole when everything has the digest that is on record:
 * until then its last chunk is kept back, so a reader never has all bytes of something else.
 */
export async function * slice (
  chunks: AsyncIterable<string>, { from, to }: ByteRange, { bytes: total, sha256 }: Expected
): AsyncGenerator<Buffer> {
  const digest = createHash('sha256')
  let at = 0
  let held: Buffer | undefined
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk)
    digest.update(bytes)
    const part = bytes.subarray(Math.max(from - at, 0), Math.max(to + 1 - at, 0))
    at += bytes.length
    if (part.length > 0) {
      if (held !== undefined) yield held
      held = part
    }
    if (at > to && to < total - 1) break
  }
  const isEnd = to >= total - 1
  if (isEnd && (at !== total || digest.digest('hex') !== sha256)) throw new NotAsRecorded()
  if (held !== undefined) yield held
}

import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { FILE_HEADER, readFrameHeader } from '../src/embedded/eventstore/storage/frame.ts'
import { LOG_FILE } from '../src/embedded/eventstore/storage/open.ts'

/**
 * What an insider with the node's disk does: puts another text of the same length into the log and
 * makes the frame's checksum fit. The node does not notice.
 */
export async function editLog (dataDir: string, from: string, to: string): Promise<void> {
  if (Buffer.byteLength(from) !== Buffer.byteLength(to)) throw new Error('not of one length')
  const file = join(dataDir, LOG_FILE)
  const bytes = await readFile(file)
  const found = bytes.indexOf(from)
  if (found < 0) throw new Error(`the log has no ${from}`)
  bytes.write(to, found)
  const { at, end } = frameAround(bytes, found)
  bytes.writeUInt32LE(crc32(bytes.subarray(at + 8, end)), at + 4)
  await writeFile(file, bytes)
}

/** Cuts the log off before the frame that holds the text. */
export async function cutLog (dataDir: string, text: string): Promise<void> {
  const file = join(dataDir, LOG_FILE)
  const bytes = await readFile(file)
  await truncate(file, frameAround(bytes, bytes.indexOf(text)).at)
}

function frameAround (bytes: Buffer, offset: number): { at: number, end: number } {
  for (let at = FILE_HEADER; at < bytes.length;) {
    const header = readFrameHeader(bytes, at)
    if (header === undefined) break
    if (offset < at + header.length) return { at, end: at + header.length }
    at += header.length
  }
  throw new Error(`no frame at ${offset}`)
}

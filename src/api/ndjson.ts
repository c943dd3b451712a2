import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { NDJSON_TYPE } from './bodies.ts'

/** Lines leave together in chunks of about so many characters: a write each would cost more. */
const CHUNK_LENGTH = 64 * 1_024

/**
 * Sends lines as fast as the reader takes them, and reads no further ahead than a few chunks.
 * When the reader goes away, the source is closed.
 */
export async function sendLines (
  reply: FastifyReply, lines: AsyncIterable<string>
): Promise<FastifyReply> {
  const body = Readable.from(chunked(lines), { objectMode: false, highWaterMark: 2 * CHUNK_LENGTH })
  return await reply.type(NDJSON_TYPE).send(body)
}

async function * chunked (lines: AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = ''
  for await (const line of lines) {
    chunk += line + '\n'
    if (chunk.length < CHUNK_LENGTH) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}

/** Cutting the bytes of a call into gRPC messages. */
import { GRPC_PREFIX } from '../wire/recorded.ts'
import { CODE, StatusError } from './status.ts'

/** The largest message that is taken, as in the real server. */
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024

/** Gives each complete message to `onMessage`, however the bytes arrive. */
export function createDeframer (onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = []
  let bytes = 0
  let needed = GRPC_PREFIX

  return (chunk) => {
    parts.push(chunk)
    bytes += chunk.length
    if (bytes < needed) return
    const buffer = parts.length === 1 ? chunk : Buffer.concat(parts, bytes)
    let at = 0
    needed = GRPC_PREFIX
    while (buffer.length - at >= GRPC_PREFIX) {
      needed = messageLength(buffer, at)
      if (buffer.length - at < needed) break
      onMessage(buffer.subarray(at + GRPC_PREFIX, at + needed))
      at += needed
      needed = GRPC_PREFIX
    }
    parts = at < buffer.length ? [buffer.subarray(at)] : []
    bytes = buffer.length - at
  }
}

function messageLength (buffer: Buffer, at: number): number {
  if (buffer[at] !== 0) {
    throw new StatusError({ code: CODE.unimplemented, message: 'compression is not supported' })
  }
  const length = buffer.readUInt32BE(at + 1)
  if (length > MESSAGE_BYTES_MAX) {
    const message = `a message of ${length} bytes is larger than ${MESSAGE_BYTES_MAX}`
    throw new StatusError({ code: CODE.resourceExhausted, message })
  }
  return GRPC_PREFIX + length
}

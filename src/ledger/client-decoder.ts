import { Transform, type Readable } from 'node:stream'
import type { EventStoreDBClient } from '@eventstore/db-client'
import { method, replace } from './client-guard.ts'
import { decodeRead, type ReadMessage } from './wire-read.ts'

const READS: ReadonlySet<unknown> = new Set(['readStream', 'readAll', 'subscribeToAll'])

/**
 * Makes a client's reads answer in ReadMessages, read straight from the bytes: the client's own
 * objects between are about half of what reading an event costs.
 * The requests, the connection, its errors and the flow control remain the client's.
 */
export function decodeReads (client: EventStoreDBClient): void {
  const createStream = method(client, 'GRPCStreamCreator')
  replace(client, 'GRPCStreamCreator', (service: unknown, name: unknown, ...rest: unknown[]) => {
    const [create, ...more] = rest
    if (!READS.has(name) || typeof create !== 'function') {
      return createStream(service, name, ...rest)
    }
    const decoded = (grpc: unknown): unknown => Reflect.apply(create, undefined, [decoding(grpc)])
    return createStream(service, name, decoded, ...more)
  })
}

/** The one method of the service that reads use, with another way of reading its answers. */
function decoding (grpc: unknown): object {
  if (typeof grpc !== 'object' || grpc === null) throw new TypeError('the client has no service')
  const request = method(grpc, 'makeServerStreamRequest')
  const read: unknown = Reflect.get(grpc, 'read')
  if (typeof read !== 'function') throw new TypeError('the service has no read')
  const path: unknown = Reflect.get(read, 'path')
  const serialize: unknown = Reflect.get(read, 'requestSerialize')
  return { read: (...args: unknown[]) => request(path, serialize, decodeRead, ...args) }
}

/** Makes a stream of such a client pass on the events in its messages, and tell the rest. */
export function passMessages<Stream extends Readable> (stream: Stream): Stream {
  if (!(stream instanceof Transform)) throw new TypeError('the client gave another kind of stream')
  const transform: Transform['_transform'] = (message: ReadMessage, _encoding, next) => {
    switch (message.kind) {
      case 'event':
        next(null, message.recorded)
        return
      case 'confirmation': stream.emit('confirmation'); break
      case 'caught-up': stream.emit('caughtUp'); break
    }
    next()
  }
  stream._transform = transform
  return stream
}

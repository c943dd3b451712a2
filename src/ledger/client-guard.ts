import { Duplex } from 'node:stream'
import type { EventStoreDBClient } from '@eventstore/db-client'

/*
 * The official client 6.2.1 has faults that end the process. It is used unmodified; only this
 * file and client-decoder.ts reach around its types, and every line here answers one such fault.
 */

/** What becomes of the one long stream that all appends of a client share. */
export interface AppendStreamEvents {
  /** It ended or broke; who waits for an answer on it will get none. */
  gone: () => void
}

/**
 * Makes a client safe to append with:
 * - an answer that comes after its append was given up finds no promise, and the client throws
 *   inside a data handler: the handler is wrapped, the answer dropped, its outcome being unknown;
 * - a broken stream rejects writes that wait for `drain` in a promise nobody can catch: writes
 *   never wait, for what is under way is bounded by the caller;
 * - a stream that the server ends in order leaves its appends waiting for ever: `gone` is told;
 * - a failed reconnection rejects a promise that nobody awaits: it is caught.
 */
export function guardClient (client: EventStoreDBClient, events: AppendStreamEvents): void {
  const createStream = method(client, 'GRPCStreamCreator')
  replace(client, 'GRPCStreamCreator', (service: unknown, name: unknown, ...rest: unknown[]) => {
    const [create, ...more] = rest
    if (name !== 'appendToStream' || typeof create !== 'function') {
      return createStream(service, name, ...rest)
    }
    const guarded = (grpc: unknown): unknown => {
      const stream: unknown = create(grpc)
      if (stream instanceof Duplex) guardAppendStream(stream, events)
      return stream
    }
    return createStream(service, name, guarded, ...more)
  })
  const handleError = method(client, 'handleError')
  replace(client, 'handleError', async (...args: unknown[]) => {
    try { await handleError(...args) } catch {
      // Discovery failed: the next call tries again and says so.
    }
  })
}

function guardAppendStream (stream: Duplex, { gone }: AppendStreamEvents): void {
  for (const listener of stream.listeners('data')) {
    stream.on('data', (answer: unknown) => {
      try { Reflect.apply(listener, stream, [answer]) } catch {
        // Nobody waits for this answer any more.
      }
    })
    Reflect.apply(stream.off, stream, ['data', listener])
  }
  const write = stream.write.bind(stream)
  replace(stream, 'write', (...args: unknown[]) => {
    Reflect.apply(write, stream, args)
    return true
  })
  stream.once('end', gone)
  stream.once('close', gone)
  stream.on('error', gone)
}

/** Asks whether the server can be reached, as the client itself does before its first append. */
export async function probe (client: EventStoreDBClient): Promise<void> {
  await Reflect.get(client, 'capabilities', client)
}

/** A method of the client's objects, with its `this`. Throws TypeError if there is none. */
export function method (target: object, name: string): (...args: unknown[]) => unknown {
  const found: unknown = Reflect.get(target, name)
  if (typeof found !== 'function') throw new TypeError(`the client has no ${name}`)
  return (...args) => Reflect.apply(found, target, args)
}

/** Puts something else in a method's place, for this object only. */
export function replace (
  target: object, name: string, value: (...args: unknown[]) => unknown
): void {
  Reflect.defineProperty(target, name, { value, writable: true, configurable: true })
}

import type { Recorded } from '../../schemas/recorded.ts'
import { logUnavailable } from './append.ts'
import type { Log, LogPosition } from './log.ts'
import { tenantPrefix } from './streams.ts'

/** The first of what an iterable gives; it is closed afterwards. */
export async function firstOf<T> (iterable: AsyncIterable<T>): Promise<T | undefined> {
  const iterator = iterable[Symbol.asyncIterator]()
  try {
    const { done, value } = await iterator.next()
    return done === true ? undefined : value
  } finally {
    await iterator.return?.()
  }
}

/** The event at a revision of a stream. Throws LOG_UNAVAILABLE. */
export async function readEvent (
  log: Log, stream: string, revision: bigint
): Promise<Recorded | undefined> {
  const event = await firstOf(log.readStream(stream, { from: revision, max: 1 }))
  return event?.revision === revision ? event : undefined
}

/** The last revision of a stream, -1n if it has none. Throws LOG_UNAVAILABLE. */
export async function lastRevision (log: Log, stream: string): Promise<bigint> {
  const last = await firstOf(
    log.readStream(stream, { from: 'end', direction: 'backward', max: 1 }))
  return last?.revision ?? -1n
}

export interface ReplayStreamOptions {
  /** The first revision wanted; default the first there is. */
  from?: bigint
  /** The last revision wanted; default the last there is when the replay starts. */
  until?: bigint
}

/**
 * A stream from the log itself, in order, up to where it ended at the start: it always ends.
 * To resume, ask from one after the last revision received. Constant memory.
 * Throws LOG_UNAVAILABLE.
 */
export async function * replayStream (
  log: Log, stream: string, { from = 0n, until }: ReplayStreamOptions = {}
): AsyncGenerator<Recorded> {
  const last = until ?? await lastRevision(log, stream)
  if (from > last) return
  for await (const event of log.readStream(stream, { from })) {
    if (event.revision > last) return
    yield event
    if (event.revision === last) return
  }
}

export interface ReplayAllOptions {
  /** The position of the last event received; undefined = from the start. Exclusive. */
  after?: LogPosition | undefined
  /** The last position wanted; default the log's head when the replay starts. Inclusive. */
  until?: LogPosition
}

/**
 * A tenant's events from the log itself, in the order of `$all`, up to the head at the start: it
 * always ends. To resume, pass the last event's position as `after` and the same `until`.
 * Constant memory. Throws LOG_UNAVAILABLE.
 */
export async function * replayAll (
  log: Log, tenant: string, { after, until }: ReplayAllOptions = {}
): AsyncGenerator<Recorded> {
  const last = until ?? await log.head()
  if (last === undefined) return
  const stop = new AbortController()
  // A subscription, since only those are filtered by the log: other tenants' events stay there.
  const deliveries = log.subscribeAll({
    ...(after && { after }), prefix: tenantPrefix(tenant), signal: stop.signal
  })
  try {
    for await (const delivery of deliveries) {
      if (delivery.kind === 'caught-up') return
      const { event } = delivery
      if (event.position > last.commit) return
      yield event
      if (event.position === last.commit) return
    }
    throw logUnavailable(new Error('the subscription ended'))
  } finally {
    stop.abort()
  }
}

import type { Readable } from 'node:stream'

export interface PullOptions {
  /** How long the next item may take. */
  timeoutMs: number
  /** Whether what is left when the consumer stops is little: then it is read to the end. */
  short: boolean
}

/** A client's stream: reads have `cancel`, subscriptions `unsubscribe`. */
export type ClientStream = Readable & {
  cancel?: () => Promise<void>
  unsubscribe?: () => Promise<void>
}

/**
 * The items of a client's stream, pulled, so that a slow consumer slows the server. Throws when
 * it breaks or is silent for too long; the client itself knows no deadline for reads.
 */
export async function * pull<T> (
  stream: ClientStream, { timeoutMs, short }: PullOptions
): AsyncGenerator<T> {
  const state = watch(stream)
  try {
    for (;;) {
      for (let item: T | null = stream.read(); item !== null; item = stream.read()) yield item
      if (state.failure !== undefined) throw state.failure
      if (state.ended) return
      await state.change(timeoutMs)
    }
  } finally {
    if (!state.over) abandon(stream, short)
  }
}

/** Stands among the events of a subscription where it has delivered all there was. */
export const CAUGHT_UP = Symbol('caught up')

/**
 * The items of a subscription, until the signal ends it. Its first sign of life may take
 * `timeoutMs`, after that it may be silent. Throws when it breaks; also when the server ends it
 * in order, which the client passes over in silence.
 */
export async function * follow<T> (
  stream: ClientStream, { timeoutMs, signal }: { timeoutMs: number, signal: AbortSignal }
): AsyncGenerator<T | typeof CAUGHT_UP> {
  const state = watch(stream, signal)
  let alive = false
  // The client tells it early, while so many events still wait in the stream's own buffer.
  let behind = -1
  stream.on('confirmation', () => { alive = true; state.notify() })
  stream.on('caughtUp', () => { behind = stream.readableLength; state.notify() })
  try {
    for (;;) {
      for (;;) {
        if (behind === 0) yield CAUGHT_UP
        if (behind >= 0) behind--
        const item: T | null = stream.read()
        if (item === null) break
        yield item
      }
      if (signal.aborted) return
      if (state.failure !== undefined) throw state.failure
      if (state.ended) throw new Error('the server ended the subscription')
      await state.change(alive ? undefined : timeoutMs)
    }
  } finally {
    signal.removeEventListener('abort', state.notify)
    if (!state.over) abandon(stream, false)
  }
}

interface Watched {
  /** The server ended it in order. */
  ended: boolean
  /** It ended or broke: there is nothing left to let go of. */
  over: boolean
  failure: Error | undefined
  notify: () => void
  /** Settles when there may be more; a time-out is a failure. */
  change: (timeoutMs: number | undefined) => Promise<void>
}

function watch (stream: ClientStream, signal?: AbortSignal): Watched {
  let wake = (): void => undefined
  let changed = false
  const notify = (): void => {
    changed = true
    wake()
  }
  const state: Watched = {
    ended: false,
    over: false,
    failure: undefined,
    notify,
    async change (timeoutMs) {
      if (!changed && signal?.aborted !== true) {
        await new Promise<void>((resolve) => {
          const timer = timeoutMs === undefined
            ? undefined
            : setTimeout(() => {
              state.failure ??= new Error(`no answer in ${timeoutMs} ms`)
              resolve()
            }, timeoutMs)
          wake = () => { clearTimeout(timer); resolve() }
        })
      }
      changed = false
    }
  }
  signal?.addEventListener('abort', notify, { once: true })
  stream.on('readable', notify)
  stream.on('end', () => { state.ended = state.over = true; notify() })
  // Stays for good: an error event that nobody listens to ends the process.
  stream.on('error', (err: Error) => {
    state.failure ??= err
    state.over = true
    notify()
  })
  return state
}

/**
 * Lets go of a stream. Cancelling makes the client change its connection, so the short rest of a
 * read is rather taken in.
 */
function abandon (stream: ClientStream, short: boolean): void {
  if (short) {
    stream.removeAllListeners('readable')
    stream.resume()
    return
  }
  const cancel = stream.unsubscribe ?? stream.cancel
  cancel?.call(stream).catch(() => undefined)
}

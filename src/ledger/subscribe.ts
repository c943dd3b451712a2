import { setTimeout as sleep } from 'node:timers/promises'
import type { Recorded } from '../../schemas/recorded.ts'
import type { Log, LogPosition } from './log.ts'
import { roughSize } from './rough-size.ts'

export const SUBSCRIBE_MAX_EVENTS = 1_000
export const SUBSCRIBE_MAX_BYTES = 4 * 1_048_576
export const SUBSCRIBE_MAX_WAIT_MS = 2
const BACKOFF_FIRST_MS = 50
const BACKOFF_MAX_MS = 2_000

/** Whether the subscription stands; if not, since when it does not for which reason. */
export type SubscriptionState = { connected: true } | { connected: false, cause: unknown }

/** Consecutive events of `$all`; none only to tell that everything there was is delivered. */
export interface RecordedBatch {
  events: readonly Recorded[]
  /** Whether, when the batch was made, everything the log had at (re)connection is delivered. */
  caughtUp: boolean
}

export interface BatchesOptions {
  /** The last processed position; undefined = from the start. Exclusive. */
  after: LogPosition | undefined
  /** Ends the iteration, without an error. */
  signal: AbortSignal
  maxEvents?: number
  /** Bound on the rough size of a batch's data; one event alone may be larger. */
  maxBytes?: number
  /** How long the first event of a batch waits for company; a full batch waits for nothing. */
  maxWaitMs?: number
  /** Told of every change, the first connection included. Must not throw. */
  onState?: (state: SubscriptionState) => void
}

/**
 * All events after a position, for ever, in batches bounded in events, bytes and milliseconds.
 * It reconnects by itself, with back-off, from the last event it holds, and gives no event twice;
 * while the consumer works, at most one more batch is kept waiting, so memory is bounded.
 * Never throws for the log's sake: what is wrong is told to `onState`.
 */
export async function * batches (log: Log, options: BatchesOptions): AsyncGenerator<RecordedBatch> {
  const buffer = new Buffered(options)
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const pumping = pump(log, { ...options, signal }, buffer)
  try {
    for (;;) {
      const batch = await buffer.take()
      if (batch === undefined) break
      yield batch
    }
    await pumping
  } finally {
    stop.abort()
    buffer.end()
    await pumping.catch(() => undefined)
  }
}

async function pump (log: Log, options: BatchesOptions, buffer: Buffered): Promise<void> {
  const { signal, onState = () => undefined } = options
  let after = options.after
  let failures = 0
  try {
    while (!signal.aborted) {
      try {
        for await (const delivery of log.subscribeAll(after ? { after, signal } : { signal })) {
          if (failures !== -1) onState({ connected: true })
          failures = -1
          if (delivery.kind === 'caught-up') buffer.caughtUp()
          if (delivery.kind !== 'event' || !isAfter(delivery.event, after)) continue
          after = { commit: delivery.event.position, prepare: delivery.event.prepare }
          await buffer.put(delivery.event)
          if (signal.aborted) return
        }
        if (!signal.aborted) throw new Error('the subscription ended')
      } catch (cause) {
        if (signal.aborted) break
        buffer.lost()
        if (failures <= 0) onState({ connected: false, cause })
        failures = Math.max(failures, 0) + 1
        await sleep(backoffMs(failures), undefined, { signal }).catch(() => undefined)
      }
    }
  } finally {
    buffer.end()
  }
}

function backoffMs (failures: number): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures - 1, 16))
  return ceiling * (0.5 + Math.random() / 2)
}

function isAfter ({ position, prepare }: Recorded, after: LogPosition | undefined): boolean {
  return after === undefined || position > after.commit ||
    (position === after.commit && prepare > after.prepare)
}

/** What the pump has read and the consumer has not taken yet: never more than about two batches. */
class Buffered {
  readonly #maxEvents: number
  readonly #maxBytes: number
  readonly #maxWaitMs: number
  #events: Recorded[] = []
  #sizes: number[] = []
  #bytes = 0
  #since = 0
  #caughtUp = false
  /** The consumer has not been told yet that it is caught up. */
  #tell = false
  #ended = false
  #wakeTaker: (() => void) | undefined
  #wakePutter: (() => void) | undefined

  constructor ({ maxEvents, maxBytes, maxWaitMs }: BatchesOptions) {
    this.#maxEvents = maxEvents ?? SUBSCRIBE_MAX_EVENTS
    this.#maxBytes = maxBytes ?? SUBSCRIBE_MAX_BYTES
    this.#maxWaitMs = maxWaitMs ?? SUBSCRIBE_MAX_WAIT_MS
  }

  /** Adds an event; waits while a whole batch is there already. */
  async put (event: Recorded): Promise<void> {
    while (this.#isFull() && !this.#ended) {
      await new Promise<void>((resolve) => { this.#wakePutter = resolve })
    }
    const size = roughSize(event.data)
    if (this.#events.length === 0) this.#since = performance.now()
    this.#events.push(event)
    this.#sizes.push(size)
    this.#bytes += size
    if (this.#events.length === 1 || this.#isFull()) this.#wakeTaker?.()
  }

  caughtUp (): void {
    this.#caughtUp = true
    this.#tell = true
    this.#wakeTaker?.()
  }

  lost (): void {
    this.#caughtUp = false
    this.#tell = false
  }

  end (): void {
    this.#ended = true
    this.#wakeTaker?.()
    this.#wakePutter?.()
  }

  /** The next batch; undefined once ended: what was not taken then is read again another time. */
  async take (): Promise<RecordedBatch | undefined> {
    while (!this.#ended) {
      const waitMs = this.#dueInMs()
      if (waitMs <= 0) return this.#cut()
      await this.#sleep(waitMs)
    }
    return undefined
  }

  #isFull (): boolean {
    return this.#events.length >= this.#maxEvents || this.#bytes >= this.#maxBytes
  }

  #dueInMs (): number {
    if (this.#tell || this.#isFull()) return 0
    if (this.#events.length === 0) return Infinity
    return this.#since + this.#maxWaitMs - performance.now()
  }

  async #sleep (ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = ms === Infinity ? undefined : setTimeout(resolve, Math.ceil(ms))
      this.#wakeTaker = () => { clearTimeout(timer); resolve() }
    })
    this.#wakeTaker = undefined
  }

  /** The last event may have crossed the limit of bytes: then it opens the next batch. */
  #cut (): RecordedBatch {
    const last = this.#events.length - 1
    const over = last > 0 && this.#bytes > this.#maxBytes
    const keep = over ? this.#events.splice(last) : []
    const keepSizes = over ? this.#sizes.splice(last) : []
    const events = this.#events
    this.#events = keep
    this.#sizes = keepSizes
    this.#bytes = keepSizes[0] ?? 0
    this.#since = performance.now()
    const caughtUp = this.#caughtUp && keep.length === 0
    if (caughtUp) this.#tell = false
    this.#wakePutter?.()
    this.#wakePutter = undefined
    return { events, caughtUp }
  }
}

import {
  BACKWARDS, END, EventStoreDBClient, excludeSystemEvents, FORWARDS, START, streamNameFilter,
  StreamNotFoundError, type ResolvedEvent
} from '@eventstore/db-client'
import type { Recorded } from '../../schemas/recorded.ts'
import { isLedgerError, LedgerError } from '../errors.ts'
import { logUnavailable } from './append.ts'
import { decodeReads, passMessages } from './client-decoder.ts'
import { guardClient } from './client-guard.ts'
import { CAUGHT_UP, follow, pull, type ClientStream } from './client-reader.ts'
import { Writer } from './client-writer.ts'
import { firstOf } from './read.ts'
import type {
  Delivery, Log, LogPosition, ReadAllOptions, ReadOptions, SubscribeOptions
} from './log.ts'

export interface LogOptions {
  /** `esdb://` or `esdb+discover://`; credentials and TLS are part of it. */
  url: string
  /** How long an append may take before its outcome is unknown; default APPEND_TIMEOUT_MS. */
  appendTimeoutMs?: number
  /** How long the next event of a read may take; default READ_TIMEOUT_MS. */
  readTimeoutMs?: number
  /** Who reads events from their bytes: `own`, or `client`, the official client; default `own`. */
  decoder?: Decoder
}

export type Decoder = 'own' | 'client'

export const APPEND_TIMEOUT_MS = 5_000
export const READ_TIMEOUT_MS = 10_000
/** Reads bounded to so few events are rather read to their end than cancelled. */
const SHORT_MAX_EVENTS = 64
/** What a bounded read asks for at least: the log's own events may lie before ours. */
const PAGE_MIN_EVENTS = 16
/** A subscription that filters tells a checkpoint after this many windows; nobody needs them. */
const SEARCH = { maxSearchWindow: 1_000, checkpointInterval: 100 }

/**
 * The log, over the official client. Throws CONFIG_INVALID for a URL that the client does not
 * take; connects when first used, and again by itself.
 */
export function createLog (options: LogOptions): Log {
  return new ClientLog(options)
}

class ClientLog implements Log {
  readonly #url: string
  readonly #readTimeoutMs: number
  readonly #decoder: Decoder
  readonly #writer: Writer
  #reader: EventStoreDBClient

  constructor (options: LogOptions) {
    const {
      url, appendTimeoutMs = APPEND_TIMEOUT_MS, readTimeoutMs = READ_TIMEOUT_MS, decoder = 'own'
    } = options
    if (/throwOnAppendFailure=false/i.test(url)) {
      throw new LedgerError('CONFIG_INVALID', 'the log needs throwOnAppendFailure to be true')
    }
    this.#url = url
    this.#readTimeoutMs = readTimeoutMs
    this.#decoder = decoder
    this.#reader = newClient(url, decoder)
    this.#writer = new Writer(url, appendTimeoutMs)
  }

  readonly append: Log['append'] = async (stream, events, expected) =>
    await this.#writer.append(stream, events, expected)

  async * readStream (
    stream: string, { from, direction = 'forward', max }: ReadOptions = {}
  ): AsyncGenerator<Recorded> {
    const forward = direction === 'forward'
    const fromRevision = from === undefined ? (forward ? START : END) : edgeOr(from)
    if (typeof fromRevision === 'bigint' && fromRevision < 0n) throw new RangeError('revision < 0')
    if (max !== undefined && max <= 0) return
    const reading = (): ClientStream => this.#reader.readStream(stream, {
      fromRevision,
      direction: forward ? FORWARDS : BACKWARDS,
      ...(max !== undefined && { maxCount: max })
    })
    for await (const recorded of this.#pulled(reading, max)) if (recorded) yield recorded
  }

  async * readAll (
    { from, direction = 'forward', max = Infinity }: ReadAllOptions = {}
  ): AsyncGenerator<Recorded> {
    const forward = direction === 'forward'
    let next = from ?? (forward ? 'start' : 'end')
    let left = max
    // The server counts its own events too, so a bounded read may need several rounds.
    while (left > 0) {
      const maxCount = max === Infinity ? Number.MAX_SAFE_INTEGER : Math.max(left, PAGE_MIN_EVENTS)
      const fromPosition = typeof next === 'string' ? edgeOr(next) : next
      const reading = (): ClientStream => this.#reader.readAll({
        direction: forward ? FORWARDS : BACKWARDS, fromPosition, maxCount
      })
      let seen = 0
      for await (const recorded of this.#pulled(reading, maxCount)) {
        seen++
        // Forward is inclusive: a further round meets the last event of the one before again.
        const again = forward && next !== from && typeof next !== 'string' &&
          recorded?.position === next.commit
        if (seen === maxCount && recorded) {
          next = { commit: recorded.position, prepare: recorded.prepare }
        }
        if (again || recorded === undefined || recorded.type.startsWith('$')) continue
        yield recorded
        if (--left === 0) return
      }
      if (seen < maxCount) return
    }
  }

  async head (): Promise<LogPosition | undefined> {
    const last = await firstOf(this.readAll({ direction: 'backward', max: 1 }))
    return last && { commit: last.position, prepare: last.prepare }
  }

  async * subscribeAll (
    { after, signal, prefix }: SubscribeOptions
  ): AsyncGenerator<Delivery> {
    // A client of its own: what breaks or is cancelled elsewhere must not touch the subscription.
    const client = newClient(this.#url, this.#decoder)
    try {
      const subscription = client.subscribeToAll({
        fromPosition: after ?? START,
        filter: prefix === undefined
          ? excludeSystemEvents(SEARCH)
          : streamNameFilter({ ...SEARCH, prefixes: [prefix] })
      })
      const timeoutMs = this.#readTimeoutMs
      const stream = this.#decoded(subscription)
      for await (const item of follow<Item>(stream, { timeoutMs, signal })) {
        const event = item === CAUGHT_UP ? undefined : recordedOf(item)
        if (event) yield { kind: 'event', event }
        else if (item === CAUGHT_UP) yield { kind: 'caught-up' }
      }
    } catch (err) {
      if (!signal.aborted) throw asUnavailable(err)
    } finally {
      client.dispose().catch(() => undefined)
    }
  }

  async close (): Promise<void> {
    await this.#writer.close()
    this.#reader.dispose().catch(() => undefined)
  }

  /** A read, begun and watched; a stream that does not exist is empty. */
  async * #pulled (
    begin: () => ClientStream, max = Infinity
  ): AsyncGenerator<Recorded | undefined> {
    const short = max <= SHORT_MAX_EVENTS
    try {
      const stream = this.#decoded(begin())
      for await (const item of pull<Item>(stream, { timeoutMs: this.#readTimeoutMs, short })) {
        yield recordedOf(item)
      }
    } catch (err) {
      if (!(err instanceof StreamNotFoundError)) throw asUnavailable(err)
    }
  }

  #decoded (stream: ClientStream): ClientStream {
    return this.#decoder === 'own' ? passMessages(stream) : stream
  }
}

/** What a stream of the client yields, by whoever decodes it. */
type Item = ResolvedEvent | Recorded

function edgeOr<T> (place: T | 'start' | 'end'): T | typeof START | typeof END {
  return place === 'start' ? START : place === 'end' ? END : place
}

function asUnavailable (err: unknown): LedgerError {
  return isLedgerError(err) ? err : logUnavailable(err)
}

/** An event as the log returns it; nothing for a link whose event is gone. */
function recordedOf (item: Item): Recorded | undefined {
  if ('stream' in item) return item
  const { event } = item
  if (event?.position === undefined) return undefined
  const { id, streamId: stream, revision, type, data, metadata } = event
  const { commit: position, prepare } = event.position
  return { id, stream, revision, position, prepare, type, data, metadata }
}

function newClient (url: string, decoder: Decoder): EventStoreDBClient {
  try {
    const client = EventStoreDBClient.connectionString(url)
    guardClient(client, { gone: () => undefined })
    if (decoder === 'own') decodeReads(client)
    return client
  } catch (cause) {
    throw new LedgerError('CONFIG_INVALID', 'the URL of the log is not one', { cause })
  }
}

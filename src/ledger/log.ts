import type { Recorded } from '../../schemas/recorded.ts'

/** A place in `$all`. */
export interface LogPosition {
  commit: bigint
  prepare: bigint
}

/** An event ready to be written: everything is decided, nothing may throw any more. */
export interface LogEvent {
  id: string
  type: string
  /** JSON value that has survived parse and stringify. */
  data: unknown
  /** The same as JSON text, where the caller has it: then nothing is stringified again. */
  json?: string
  metadata?: { $correlationId?: string, $causationId?: string }
}

/**
 * What came of an append.
 * `conflict`: the stream is not at the expected revision (`current` undefined: it does not exist).
 * `unknown`: a time-out or lost connection; it may or may not be there.
 * `unavailable`: the log did certainly not take it (it could not be reached at all).
 */
export type AppendOutcome =
  | { kind: 'appended', lastRevision: bigint, position: LogPosition }
  | { kind: 'conflict', current: bigint | undefined }
  | { kind: 'unknown', cause: unknown }
  | { kind: 'unavailable', cause: unknown }

export interface ReadOptions {
  /** The first revision wanted, inclusive in both directions. Default: that direction's start. */
  from?: bigint | 'start' | 'end'
  direction?: 'forward' | 'backward'
  max?: number
}

export interface ReadAllOptions extends Omit<ReadOptions, 'from'> {
  /** Inclusive forward, exclusive backward; it must be the position of an event. */
  from?: LogPosition | 'start' | 'end'
}

export interface SubscribeOptions {
  /** The last processed position; undefined = from the start. Exclusive. */
  after?: LogPosition
  signal: AbortSignal
  /** Only events of streams whose names begin so; the log itself leaves the others out. */
  prefix?: string
}

/** What a subscription yields: events, and once per (re)connection that it has caught up. */
export type Delivery = { kind: 'event', event: Recorded } | { kind: 'caught-up' }

/**
 * The log, as everything above `src/ledger` sees it. The only implementation is the adapter over
 * the official client (`client.ts`); it never lets the client's own bugs reach a caller: every
 * promise settles, every failure is a LedgerError with code LOG_UNAVAILABLE or an outcome.
 */
export interface Log {
  /** `expected`: the stream's last revision, undefined when it must not exist. Never `any`. */
  append (
    stream: string, events: readonly LogEvent[], expected: bigint | undefined
  ): Promise<AppendOutcome>
  /** Events of a stream; nothing for a stream that does not exist. */
  readStream (stream: string, options?: ReadOptions): AsyncIterable<Recorded>
  /** Events of `$all`, the log's own system events left out. */
  readAll (options?: ReadAllOptions): AsyncIterable<Recorded>
  /** The last event's position in `$all` that is ours, undefined in an empty log. */
  head (): Promise<LogPosition | undefined>
  /** All later events that are wanted, no system events. Throws when the connection is lost. */
  subscribeAll (options: SubscribeOptions): AsyncIterable<Delivery>
  close (): Promise<void>
}

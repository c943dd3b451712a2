import { BATCH_MAX_BYTES, BATCH_MAX_EVENTS, EVENT_MAX_BYTES } from '../../schemas/limits.ts'
import type { ClientError } from './errors.ts'

/** What a client needs to know; only `url` and `key` have no default. */
export interface ClientOptions {
  /** Where the ledger is: `https://ledger.example.com`, perhaps with a path before `/v1`. */
  url: string | URL
  /** An API key with the role producer, or what gives the present one: asked at every attempt. */
  key: string | (() => string | Promise<string>)
  batch?: {
    /** Events of one request, at most 1,000; 500. */
    events?: number
    /** Bytes of one request, at most 4 MiB; 1 MiB. */
    bytes?: number
    /** How long a recorded event waits for company, in milliseconds; 50. */
    lingerMs?: number
  }
  buffer?: {
    /** Events that are not settled yet, at most; 10,000. */
    events?: number
    /** Bytes of their JSON, at most; 32 MiB. */
    bytes?: number
    /** What happens to an event when there is no room: it waits (the default) or is rejected. */
    whenFull?: 'wait' | 'reject'
  }
  retry?: {
    /** How long a batch is tried, from its first attempt on, in milliseconds; 120,000. */
    totalMs?: number
    /** The first delay is at most this, and doubles from there, in milliseconds; 100. */
    baseMs?: number
    /** No delay of the client's own is longer, in milliseconds; 10,000. */
    maxMs?: number
  }
  /** How long one attempt may take, its answer included, in milliseconds; 30,000. */
  timeoutMs?: number
  /**
   * Requests at the same time; 1. With one, events arrive in the order in which they were given;
   * with more, only those of one request do.
   */
  flights?: number
  /** Told of recorded events that will not arrive; without it they are process warnings. */
  onFailure?: (failures: readonly ClientError[]) => void
  /** Stands in for the global fetch, for proxies and tests. */
  fetch?: typeof globalThis.fetch
  /** Milliseconds since 1970. */
  now?: () => number
  /** From 0 to below 1. */
  random?: () => number
}

/** The same with every default filled in. */
export interface Settings {
  readonly endpoint: URL
  readonly key: () => string | Promise<string>
  readonly batch: { readonly events: number, readonly bytes: number, readonly lingerMs: number }
  readonly buffer: {
    readonly events: number, readonly bytes: number, readonly whenFull: 'wait' | 'reject'
  }
  readonly retry: { readonly totalMs: number, readonly baseMs: number, readonly maxMs: number }
  readonly timeoutMs: number
  readonly flights: number
  readonly onFailure: (failures: readonly ClientError[]) => void
  readonly fetch: typeof globalThis.fetch
  readonly now: () => number
  readonly random: () => number
}

/** The brackets around a batch and what separates its events. */
export const BATCH_FRAME_BYTES = 2
const FLIGHTS_MAX = 16
const DAY_MS = 86_400_000

/** Fills in the defaults. Throws TypeError or RangeError that names the option which is wrong. */
export function settingsOf (options: ClientOptions): Settings {
  const { url, key, batch = {}, buffer = {}, retry = {} } = options
  const { whenFull = 'wait' } = buffer
  if (whenFull !== 'wait' && whenFull !== 'reject') {
    throw new TypeError('buffer.whenFull must be "wait" or "reject"')
  }
  return {
    endpoint: endpointOf(url),
    key: keyOf(key),
    batch: {
      events: within('batch.events', batch.events ?? 500, 1, BATCH_MAX_EVENTS),
      bytes: within('batch.bytes', batch.bytes ?? 1_048_576,
        EVENT_MAX_BYTES + BATCH_FRAME_BYTES, BATCH_MAX_BYTES),
      lingerMs: within('batch.lingerMs', batch.lingerMs ?? 50, 0, DAY_MS)
    },
    buffer: {
      events: within('buffer.events', buffer.events ?? 10_000, 1, Infinity),
      bytes: within('buffer.bytes', buffer.bytes ?? 33_554_432, EVENT_MAX_BYTES, Infinity),
      whenFull
    },
    retry: {
      totalMs: within('retry.totalMs', retry.totalMs ?? 120_000, 0, Infinity),
      baseMs: within('retry.baseMs', retry.baseMs ?? 100, 1, DAY_MS),
      maxMs: within('retry.maxMs', retry.maxMs ?? 10_000, 1, DAY_MS)
    },
    timeoutMs: within('timeoutMs', options.timeoutMs ?? 30_000, 1, DAY_MS),
    flights: within('flights', options.flights ?? 1, 1, FLIGHTS_MAX),
    onFailure: options.onFailure ?? warn,
    fetch: options.fetch ?? globalThis.fetch,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random
  }
}

function endpointOf (url: string | URL): URL {
  const base = new URL(url)
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new TypeError('url must begin with http: or https:')
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return new URL('v1/events', base)
}

function keyOf (key: ClientOptions['key']): Settings['key'] {
  if (typeof key === 'function') return async () => keyText(await key())
  const text = keyText(key)
  return () => text
}

function keyText (key: unknown): string {
  // A header cannot carry anything else, and the error of fetch would show the key.
  if (typeof key === 'string' && /^[\x21-\x7e]+$/.test(key)) return key
  throw new TypeError('key must be an API key: al_…')
}

function within (name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value
  const range = most === Infinity ? `at least ${least}` : `from ${least} to ${most}`
  throw new RangeError(`${name} must be ${range}, and is ${value}`)
}

function warn (failures: readonly ClientError[]): void {
  const [first] = failures
  process.emitWarning(
    `${failures.length} recorded events are not in the ledger: ${first?.message}`,
    'AuditLedgerWarning')
}

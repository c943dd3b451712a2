import { EventStoreDBClient, NO_STREAM } from '@eventstore/db-client'
import { guardClient, probe } from './client-guard.ts'
import { clientEvent } from './client-json.ts'
import type { AppendOutcome, LogEvent } from './log.ts'

/** What an append waits for: the answer, or that there will be none. */
interface Waiting {
  giveUp: (cause: unknown) => void
}

/**
 * The appending side of a log: one client, replaced when it no longer answers. The client keeps
 * the promises of all appends of a process in one place and rejects them all when any stream
 * breaks; so every rejection that is not the server's own answer is an unknown outcome.
 */
export class Writer {
  readonly #url: string
  readonly #timeoutMs: number
  readonly #waiting = new Set<Waiting>()
  #client: EventStoreDBClient | undefined
  #closed = false

  constructor (url: string, timeoutMs: number) {
    this.#url = url
    this.#timeoutMs = timeoutMs
  }

  /** Never rejects for the log's sake; throws TypeError or RangeError for what is no append. */
  async append (
    stream: string, events: readonly LogEvent[], expected: bigint | undefined
  ): Promise<AppendOutcome> {
    if (expected !== undefined && expected < 0n) throw new RangeError('expected revision < 0')
    if (events.length === 0) throw new RangeError('an append without events')
    const prepared = events.map(clientEvent)
    if (this.#closed) return { kind: 'unavailable', cause: new Error('the log is closed') }
    const client = this.#client ??= this.#newClient()
    const reachable = await this.#within(probe(client))
    if ('failed' in reachable) {
      this.#renew(client)
      return { kind: 'unavailable', cause: reachable.failed }
    }
    const answer = await this.#within(client.appendToStream(stream, prepared, {
      expectedRevision: expected ?? NO_STREAM, requiresLeader: true
    }))
    if ('failed' in answer) return this.#failure(client, answer.failed)
    const { nextExpectedRevision: lastRevision, position } = answer.value
    if (position === undefined) return { kind: 'unknown', cause: new Error('no position') }
    return { kind: 'appended', lastRevision, position }
  }

  async close (): Promise<void> {
    this.#closed = true
    const client = this.#client
    this.#client = undefined
    for (const { giveUp } of this.#waiting) giveUp(new Error('the log is closed'))
    await client?.dispose()
  }

  #newClient (): EventStoreDBClient {
    const client = EventStoreDBClient.connectionString(this.#url)
    guardClient(client, {
      gone: () => {
        for (const { giveUp } of this.#waiting) giveUp(new Error('the append stream broke'))
      }
    })
    return client
  }

  /** The next append begins with a new client: this one's connection is not worth waiting for. */
  #renew (client: EventStoreDBClient): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.dispose().catch(() => undefined)
  }

  #failure (client: EventStoreDBClient, cause: unknown): AppendOutcome {
    const type = errorType(cause)
    if (type === 'wrong-expected-version') return { kind: 'conflict', current: currentOf(cause) }
    if (REFUSALS.has(type)) return { kind: 'unavailable', cause }
    // A redirected client knows the leader; any other one starts afresh.
    if (type !== 'not-leader') this.#renew(client)
    return { kind: 'unknown', cause }
  }

  /** The client's own promises may never settle: this one does, in time. */
  async #within<T> (promise: Promise<T>): Promise<{ value: T } | { failed: unknown }> {
    return await new Promise((resolve) => {
      const waiting = { giveUp: (failed: unknown) => { end({ failed }) } }
      const timer = setTimeout(() => {
        end({ failed: new Error(`no answer in ${this.#timeoutMs} ms`) })
      }, this.#timeoutMs)
      const end = (result: { value: T } | { failed: unknown }): void => {
        clearTimeout(timer)
        this.#waiting.delete(waiting)
        resolve(result)
      }
      this.#waiting.add(waiting)
      promise.then((value) => { end({ value }) }, (failed: unknown) => { end({ failed }) })
    })
  }
}

/** Answers by which the server certainly did not take an append. */
const REFUSALS: ReadonlySet<string> = new Set([
  'access-denied', 'stream-deleted', 'maximum-append-size-exceeded', 'invalid-argument'
])

function errorType (err: unknown): string {
  const type: unknown = typeof err === 'object' && err !== null ? Reflect.get(err, 'type') : ''
  return typeof type === 'string' ? type : ''
}

function currentOf (err: unknown): bigint | undefined {
  const current: unknown = typeof err === 'object' && err !== null
    ? Reflect.get(err, 'actualVersion')
    : undefined
  return typeof current === 'bigint' ? current : undefined
}

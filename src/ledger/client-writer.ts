import { EventStoreDBClient, NO_STREAM } from '@eventstore/db-client'
import { guardClient, probe } from './client-guard.ts'
import { clientEvent } from './client-json.ts'
import type { AppendOutcome, LogEvent } from './log.ts'

interface Connection {
  client: EventStoreDBClient
  /** It went silent, or the stream of its appends ended. */
  broken: boolean
  /** Ends the waiting for answers that will not come. */
  waiting: Set<(cause: unknown) => void>
}

type Answer<T> = { value: T } | { failed: unknown }

/**
 * The appending side of a log: one client, replaced when it breaks or no longer answers. Clients
 * keep the promises of all appends of a process in one place and reject them all when the stream
 * of any client breaks. So every rejection that is not the server's own answer is an unknown
 * outcome, and a client whose own stream is sound is kept: replacing it would break others'.
 */
export class Writer {
  readonly #url: string
  readonly #timeoutMs: number
  #connection: Connection | undefined
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
    const connection = this.#connection ??= this.#connect()
    const { client } = connection
    const reachable = await this.#answer(connection, probe(client))
    if ('failed' in reachable) {
      this.#replace(connection)
      return { kind: 'unavailable', cause: reachable.failed }
    }
    const answer = await this.#answer(connection, client.appendToStream(stream, prepared, {
      expectedRevision: expected ?? NO_STREAM, requiresLeader: true
    }))
    if ('failed' in answer) return this.#failure(connection, answer.failed)
    const { nextExpectedRevision: lastRevision, position } = answer.value
    if (position === undefined) return { kind: 'unknown', cause: new Error('no position') }
    return { kind: 'appended', lastRevision, position }
  }

  async close (): Promise<void> {
    this.#closed = true
    const connection = this.#connection
    this.#connection = undefined
    for (const giveUp of connection?.waiting ?? []) giveUp(new Error('the log is closed'))
    await connection?.client.dispose()
  }

  #connect (): Connection {
    const client = EventStoreDBClient.connectionString(this.#url)
    const connection: Connection = { client, broken: false, waiting: new Set() }
    guardClient(client, {
      gone: () => {
        connection.broken = true
        for (const giveUp of connection.waiting) giveUp(new Error('the append stream broke'))
      }
    })
    return connection
  }

  /** The next append begins with a new client. */
  #replace (connection: Connection): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    connection.client.dispose().catch(() => undefined)
  }

  #failure (connection: Connection, cause: unknown): AppendOutcome {
    const type = errorType(cause)
    if (type === 'wrong-expected-version') return { kind: 'conflict', current: currentOf(cause) }
    if (REFUSALS.has(type)) return { kind: 'unavailable', cause }
    // A redirected client knows the leader; a new one would not.
    if (connection.broken && type !== 'not-leader') this.#replace(connection)
    return { kind: 'unknown', cause }
  }

  /** The client's own promises may never settle: this one does, in time. */
  async #answer<T> (connection: Connection, promise: Promise<T>): Promise<Answer<T>> {
    return await new Promise((resolve) => {
      const end = (answer: Answer<T>): void => {
        clearTimeout(timer)
        connection.waiting.delete(giveUp)
        resolve(answer)
      }
      const giveUp = (failed: unknown): void => { end({ failed }) }
      const timer = setTimeout(() => {
        connection.broken = true
        giveUp(new Error(`no answer in ${this.#timeoutMs} ms`))
      }, this.#timeoutMs)
      connection.waiting.add(giveUp)
      promise.then((value) => { end({ value }) }, giveUp)
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

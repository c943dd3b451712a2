import { LedgerError } from '../../src/errors.ts'
import type {
  AppendOutcome, Delivery, Log, LogEvent, LogPosition, ReadAllOptions, ReadOptions,
  SubscribeOptions
} from '../../src/ledger/log.ts'
import type { Recorded } from '../../schemas/recorded.ts'

/** What EventStoreDB does with appends, in memory: rules of expected revisions and idempotence. */
export class ModelStore {
  readonly all: Recorded[] = []
  readonly #streams = new Map<string, Recorded[]>()

  stream (name: string): readonly Recorded[] {
    return this.#streams.get(name) ?? []
  }

  append (
    stream: string, events: readonly LogEvent[], expected: bigint | undefined
  ): AppendOutcome {
    const existing = this.#streams.get(stream) ?? []
    const current = BigInt(existing.length - 1)
    const after = expected ?? -1n
    if (after < current && events.every(({ id }, index) =>
      existing[Number(after) + 1 + index]?.id === id)) {
      return this.#success(existing[Number(after) + events.length])
    }
    if (after !== current) {
      return { kind: 'conflict', current: current < 0n ? undefined : current }
    }
    for (const { id, type, data, metadata } of events) {
      const position = BigInt(this.all.length + 1) * 100n
      const recorded: Recorded = {
        id,
        stream,
        type,
        revision: BigInt(existing.length),
        position,
        prepare: position,
        data: JSON.parse(JSON.stringify(data)),
        metadata
      }
      existing.push(recorded)
      this.all.push(recorded)
    }
    this.#streams.set(stream, existing)
    return this.#success(existing.at(-1))
  }

  #success (last: Recorded | undefined): AppendOutcome {
    if (last === undefined) throw new RangeError('an append without events')
    const { revision, position, prepare } = last
    return { kind: 'appended', lastRevision: revision, position: { commit: position, prepare } }
  }
}

/** A log over the store, without faults; a subclass adds them at `step`. */
export class ModelLog implements Log {
  protected readonly store: ModelStore

  constructor (store: ModelStore) {
    this.store = store
  }

  /** Before and after every access; may wait or throw. */
  protected async step (): Promise<void> {
    await Promise.resolve()
  }

  async append (
    stream: string, events: readonly LogEvent[], expected: bigint | undefined
  ): Promise<AppendOutcome> {
    await this.step()
    return this.store.append(stream, events, expected)
  }

  async * readStream (stream: string, options: ReadOptions = {}): AsyncGenerator<Recorded> {
    await this.step()
    const events = [...this.store.stream(stream)]
    const { from, direction = 'forward', max = Infinity } = options
    const wanted = direction === 'forward'
      ? events.slice(typeof from === 'bigint' ? Number(from) : 0)
      : events.slice(0, typeof from === 'bigint' ? Number(from) + 1 : undefined).reverse()
    yield * wanted.slice(0, max)
    await this.step()
  }

  async * readAll (
    { from = 'start', direction = 'forward', max = Infinity }: ReadAllOptions = {}
  ): AsyncGenerator<Recorded> {
    await this.step()
    const at = typeof from === 'string' ? undefined : from.commit
    const events = direction === 'forward'
      ? this.store.all.filter(({ position }) => at === undefined || position >= at)
      : this.store.all.filter(({ position }) => at === undefined || position < at).reverse()
    yield * events.slice(0, max)
  }

  async head (): Promise<LogPosition | undefined> {
    await this.step()
    const last = this.store.all.at(-1)
    return last && { commit: last.position, prepare: last.prepare }
  }

  async * subscribeAll (_options: SubscribeOptions): AsyncGenerator<Delivery> {
    await this.step()
    throw new LedgerError('LOG_UNAVAILABLE', 'the model has no subscriptions')
  }

  async close (): Promise<void> {
    await this.step()
  }
}

import type { EventInput } from '../../schemas/events/index.ts'
import { LedgerError } from '../../src/errors.ts'
import { decode } from '../../src/ledger/codec.ts'
import { createLedger, type AppendResult, type Ledger } from '../../src/ledger/ledger.ts'
import type {
  AppendOutcome, Log, LogEvent, ReadAllOptions, ReadOptions
} from '../../src/ledger/log.ts'
import type { LookupQuestion, ProjectedLookup } from '../../src/ledger/lookup.ts'
import type { Projected, ProjectedEvent, Recorded } from '../../schemas/recorded.ts'
import { ModelLog, ModelStore } from './model-log.ts'
import { World } from './world.ts'

export const TENANT = 'acme'
const SENDER = { tenant: TENANT, settings: {}, source: 'sim' }
const TIMEOUT_MS = 60

/** What can be made wrong on purpose, to see that the checker sees it. */
export interface Bugs {
  /** Appends wherever the stream ends; ids are only known to a cache that a restart empties. */
  appendAnywhere?: boolean
  /** After a conflict, goes on from the new head without looking for its ids. */
  noTailScan?: boolean
  /** Ids and revisions of a look-up come from two moments. */
  twoSnapshots?: boolean
  /** Takes every success for its own. */
  believesSuccess?: boolean
}

/** The network between a process and the log: calls are late, lost, or land after all hope. */
class FaultyLog extends ModelLog {
  readonly #world: World
  readonly #bugs: Bugs
  readonly #cache = new Set<string>()
  readonly #attempts = new Map<string, unknown>()
  faults = true
  dead = false

  constructor (store: ModelStore, world: World, bugs: Bugs) {
    super(store)
    this.#world = world
    this.#bugs = bugs
  }

  protected override async step (): Promise<void> {
    await this.#world.sleep(this.#world.below(6))
    // A dead process never hears anything again.
    if (this.dead) await new Promise(() => undefined)
    if (this.faults && this.#world.chance(0.03)) {
      throw new LedgerError('LOG_UNAVAILABLE', 'the model is down')
    }
  }

  override async append (
    stream: string, events: readonly LogEvent[], expected: bigint | undefined
  ): Promise<AppendOutcome> {
    const land = (): AppendOutcome => this.#land(stream, events, expected)
    const world = this.#world
    const fault = this.faults ? world.random() : 1
    await world.sleep(world.below(4))
    if (fault < 0.05) return { kind: 'unavailable', cause: new Error('refused') }
    if (fault < 0.12) return await this.#unknown()
    if (fault < 0.24) {
      land()
      return await this.#unknown()
    }
    if (fault < 0.36) {
      world.after(world.below(4 * TIMEOUT_MS), land)
      return await this.#unknown()
    }
    const outcome = land()
    await world.sleep(world.below(8))
    if (this.dead) await new Promise(() => undefined)
    return outcome
  }

  async #unknown (): Promise<AppendOutcome> {
    await this.#world.sleep(TIMEOUT_MS)
    if (this.dead) await new Promise(() => undefined)
    return { kind: 'unknown', cause: new Error('timed out') }
  }

  #land (stream: string, events: readonly LogEvent[], expected: bigint | undefined): AppendOutcome {
    const existing = this.store.stream(stream)
    if (this.#bugs.believesSuccess) {
      events.forEach(({ data }, index) => {
        this.#attempts.set(`${stream}@${(expected ?? -1n) + BigInt(index + 1)}`, data)
      })
    }
    if (!this.#bugs.appendAnywhere) return this.store.append(stream, events, expected)
    const at = existing.findLast(({ id }) => id === events[0]?.id && this.#cache.has(id))
    for (const { id } of events) this.#cache.add(id)
    return this.store.append(stream, events, at ? at.revision - 1n : BigInt(existing.length - 1))
  }

  override async * readStream (
    stream: string, options: ReadOptions = {}
  ): AsyncGenerator<Recorded> {
    for await (const event of super.readStream(stream, options)) {
      if (this.#bugs.noTailScan && options.max !== 1) yield { ...event, id: 'unseen' }
      else yield this.#asAttempted(event)
    }
  }

  override async * readAll (options: ReadAllOptions = {}): AsyncGenerator<Recorded> {
    for await (const event of super.readAll(options)) yield this.#asAttempted(event)
  }

  #asAttempted (event: Recorded): Recorded {
    const own = this.#attempts.get(`${event.stream}@${event.revision}`)
    return own === undefined ? event : { ...event, data: own }
  }
}

/** The read models: behind the log, sometimes far, sometimes gone. */
class Projector {
  readonly #store: ModelStore
  readonly #world: World
  readonly #bugs: Bugs
  #known = new Map<string, ProjectedEvent>()
  #revisions = new Map<string, bigint>()
  #done = 0
  faults = true

  constructor (store: ModelStore, world: World, bugs: Bugs) {
    this.#store = store
    this.#world = world
    this.#bugs = bugs
  }

  advance (count: number): void {
    for (const recorded of this.#store.all.slice(this.#done, this.#done + count)) {
      const decoded = decode(recorded)
      this.#done++
      this.#revisions.set(recorded.stream, recorded.revision)
      if (!decoded.ok) continue
      const { stream, revision, position, leafHash, data: { recordedAt } } = decoded.event
      this.#known.set(recorded.id, { stream, revision, position, recordedAt, leafHash })
    }
  }

  lookup: ProjectedLookup = async (questions) =>
    await Promise.all(questions.map(async (question) => await this.#answer(question)))

  async #answer ({ ids, streams }: LookupQuestion): Promise<Projected> {
    const world = this.#world
    await world.sleep(world.below(5))
    if (this.faults && world.chance(0.05)) {
      throw new LedgerError('DATABASE_UNAVAILABLE', 'the model is down')
    }
    const known = new Map([...this.#known].filter(([id]) => ids.includes(id)))
    if (this.#bugs.twoSnapshots) await world.sleep(world.below(5))
    const revisions = new Map([...this.#revisions].filter(([name]) => streams.includes(name)))
    await world.sleep(world.below(5))
    return { known, revisions }
  }
}

interface Process {
  ledger: Ledger
  log: FaultyLog
}

interface Sent {
  event: EventInput
  result: AppendResult
}

/** One history from a seed: what was sent, what was answered, and what the log holds in the end. */
export interface History {
  store: ModelStore
  sent: Sent[]
  /** What everything with an id was answered when it was sent once more, in peace. */
  retried: Sent[]
}

/** Two processes, restarts, two hot streams, ids sent again and again, some with other content. */
export async function simulate (seed: number, bugs: Bugs = {}): Promise<History> {
  const world = new World(seed)
  const store = new ModelStore()
  const projector = new Projector(store, world, bugs)
  let started = 0
  const start = (): Process => {
    const log = new FaultyLog(store, world, bugs)
    // Clocks differ, so that no two processes ever record the very same bytes.
    const ahead = ++started * 10_000
    return { log, ledger: newLedger(world, { log, lookup: projector.lookup, ahead }) }
  }
  const processes = [start(), start()]
  const history: History = { store, sent: [], retried: [] }

  for (const event of script(world)) {
    world.after(world.below(400), () => {
      const { ledger } = world.pick(processes)
      ledger.record(SENDER, [event]).then(([result]) => {
        if (result) history.sent.push({ event, result })
      }, () => undefined)
    })
  }
  for (let ms = 0; ms < 600; ms += 10) {
    world.after(ms, () => { if (world.chance(0.4)) projector.advance(world.below(6)) })
  }
  if (world.chance(0.6)) {
    world.after(world.below(400), () => {
      const index = world.below(processes.length)
      const [old] = processes.splice(index, 1, start())
      if (old) old.log.dead = true
    })
  }
  await world.run()
  await retryInPeace(world, history, { projector, processes })
  return history
}

async function retryInPeace (
  world: World, history: History, parts: { projector: Projector, processes: readonly Process[] }
): Promise<void> {
  parts.projector.faults = false
  for (const { log } of parts.processes) log.faults = false
  for (const event of ids(history)) {
    const { ledger } = world.pick(parts.processes)
    ledger.record(SENDER, [event]).then(([result]) => {
      if (result) history.retried.push({ event, result })
    }, () => undefined)
  }
  await world.run()
}

/** One event for every id that was recorded, in its recorded content, or else as it was sent. */
function ids ({ store, sent }: History): EventInput[] {
  const byId = new Map<string, EventInput>()
  for (const { event } of sent) if (event.id !== undefined) byId.set(event.id, event)
  const recorded = new Map(store.all.map(({ id, data }) => [id, data]))
  return [...byId.values()].map((event) => {
    const data = recorded.get(event.id ?? '')
    const note = typeof data === 'object' && data !== null && 'data' in data ? data.data : undefined
    return typeof note === 'object' && note !== null ? { ...event, data: { ...note } } : event
  })
}

function newLedger (
  world: World, parts: { log: Log, lookup: ProjectedLookup, ahead: number }
): Ledger {
  return createLedger({
    log: parts.log,
    lookup: parts.lookup,
    vault: {
      provision: async () => new Map(), keys: async () => new Map(), find: async () => undefined
    },
    now: () => world.now + parts.ahead,
    newId: () => uuid(world),
    sleep: async (ms) => { await world.sleep(ms) },
    random: world.random
  })
}

function script (world: World): EventInput[] {
  const names = Array.from({ length: 5 }, () => uuid(world))
  return Array.from({ length: 14 }, () => {
    const id = world.chance(0.85) ? world.pick(names) : undefined
    const index = id === undefined ? world.below(2) : names.indexOf(id) % 2
    return {
      ...(id !== undefined && { id }),
      action: 'order.updated',
      category: 'action' as const,
      actor: { type: 'system' as const },
      entity: { type: 'order', id: `o-${index}` },
      outcome: 'success' as const,
      data: { note: world.chance(0.08) ? `other ${world.below(3)}` : `about ${id}` }
    }
  })
}

function uuid (world: World): string {
  const hex = Array.from({ length: 32 }, () => world.below(16).toString(16)).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join('-')
}

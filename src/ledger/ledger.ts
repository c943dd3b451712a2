import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { EventInput } from '../../schemas/events/index.ts'
import { LEDGER_SOURCE } from '../../schemas/events/ledger.ts'
import type { SubjectRef } from '../../schemas/primitives.ts'
import type { Projected } from '../../schemas/recorded.ts'
import type { TenantSettings } from '../../schemas/tenant.ts'
import type { SubjectKey } from '../privacy/cipher.ts'
import { personalParts, subjectKey, type PersonalPart } from '../privacy/personal.ts'
import type { Vault } from '../privacy/vault.ts'
import { encode, streamFor, type Encoded, type EncodeOptions } from './codec.ts'
import { createConfirm } from './confirm.ts'
import { Flights, overloaded, type Flight } from './flights.ts'
import { appendGroup, asLedgerError } from './group.ts'
import { Lanes } from './lanes.ts'
import type { Log } from './log.ts'
import { batchLookups, type ProjectedLookup } from './lookup.ts'
import { checkOwnEvent } from './own.ts'
import type { AppendResult, Receipt } from './receipt.ts'
import { answerRepetition, type Repetition } from './repeated.ts'
import { Tails } from './tail.ts'
import type { Pending } from './append.ts'

export type { AppendResult, Receipt } from './receipt.ts'
export type { ProjectedLookup } from './lookup.ts'

/** Who sends events: the tenant, its settings, and the API key's name. */
export interface Sender {
  tenant: string
  settings: TenantSettings
  source: string
}

export interface LedgerOptions {
  log: Log
  lookup: ProjectedLookup
  vault: Pick<Vault, 'provision' | 'keys' | 'find'>
  /** Milliseconds since 1970. */
  now: () => number
  newId: () => string
  /** For tests that rule time and chance. */
  sleep?: (ms: number) => Promise<void>
  random?: () => number
  /** What may be under way at once; default LEDGER_MAX_EVENTS, LEDGER_MAX_BYTES. */
  maxEvents?: number
  maxBytes?: number
}

/** Events under way in one process. */
export const LEDGER_MAX_EVENTS = 20_000
/** Their records together, in bytes. */
export const LEDGER_MAX_BYTES = 128 * 1_048_576

/**
 * Events go in waves: look-ups wait so long for the appends of those before them. The fixed costs
 * of a wave are more than those of an event, so under load waiting is faster than not waiting.
 */
const WAVE_MAX_MS = 100

/** The write side: events in, receipts out, each id recorded at most once. */
export interface Ledger {
  /**
   * Records checked events, one answer for each, in order. An event without an id is given one
   * and is new by definition; one with an id may be repeated as often as one likes. Events of
   * one stream keep their order. Never throws: every failure is an answer.
   */
  record: (sender: Sender, events: readonly EventInput[]) => Promise<AppendResult[]>
  /**
   * Records the ledger's own events in a tenant's history, in words of schemas/events/ledger.ts.
   * Throws what refused the first of them that is not durable.
   */
  recordOwn: (tenant: string, events: readonly EventInput[]) => Promise<Receipt[]>
}

/** Makes the write side of a process over a log, the read models' look-up, and the vault. */
export function createLedger (options: LedgerOptions): Ledger {
  const recorder = new Recorder(options)
  const record: Ledger['record'] = async (sender, events) => await recorder.record(sender, events)
  return {
    record,
    async recordOwn (tenant, events) {
      for (const event of events) checkOwnEvent(event)
      const results = await record({ tenant, settings: {}, source: LEDGER_SOURCE }, events)
      return results.map((result) => {
        if (!result.ok) throw result.error
        return result.receipt
      })
    }
  }
}

/** A flight, and what of its event is whose. */
interface Dissected {
  flight: Flight
  parts: PersonalPart[]
}

class Recorder {
  readonly #options: LedgerOptions
  readonly #lookup: ReturnType<typeof batchLookups>
  readonly #flights: Flights
  readonly #lanes: Lanes
  #bytes = 0

  constructor (options: LedgerOptions) {
    this.#options = options
    this.#lookup = batchLookups(options.lookup, async () => {
      // The answers are taken up, and enqueued, in the next turn.
      await nextTurn()
      await this.#lanes.idle(WAVE_MAX_MS)
    })
    this.#flights = new Flights(options.maxEvents ?? LEDGER_MAX_EVENTS)
    const context = {
      log: options.log,
      confirm: createConfirm(options.log),
      sleep: options.sleep ?? (async (ms: number) => { await sleep(ms) }),
      random: options.random ?? Math.random,
      tails: new Tails(),
      found: ({ encoded, input, settle }: Pending, revision: bigint) => {
        const { stream, event: { id } } = encoded
        this.#answer({ id, input, stream, revision, attempted: encoded }, settle)
      }
    }
    this.#lanes = new Lanes(async (stream, group) => { await appendGroup(context, stream, group) })
  }

  async record (sender: Sender, events: readonly EventInput[]): Promise<AppendResult[]> {
    const answered: Promise<AppendResult[]> = new Promise((resolve) => {
      const flights = this.#flights.take(sender, events, {
        newId: this.#options.newId,
        done: resolve,
        again: (event) => this.record(sender, [event])
      })
      if (flights.length === 0) return
      orFail(flights, async () => {
        const rest = await this.#answerOfStrangers(sender, flights)
        if (rest.length === 0) return
        orFail(rest.map(({ flight }) => flight), async () => {
          await this.#send(sender, rest, answered)
        })
      })
    })
    return await answered
  }

  /** `answered` is when nothing of it is under way any more. */
  async #send (
    sender: Sender, dissected: readonly Dissected[], answered: Promise<unknown>
  ): Promise<void> {
    const parts = dissected.map(({ parts }) => parts)
    const keys = await this.#provision(sender.tenant, parts, answered)
    const recordedAt = new Date(this.#options.now()).toISOString()
    const drafts = dissected.map(({ flight: { event, id }, parts }) => ({
      ...sender, event, id, recordedAt, parts, keys
    }))
    const streams = drafts.map(streamFor)
    const flights = dissected.map(({ flight }) => flight)
    const projected = await this.#project(sender.tenant, flights, streams)
    const ready = flights.flatMap((flight, index) => {
      const [draft, stream] = [drafts[index], streams[index]]
      if (draft === undefined || stream === undefined) return []
      return this.#prepare(flight, draft, projected, stream)
    })
    this.#lanes.enqueue(ready)
  }

  /**
   * An event about somebody whom the vault does not know may be repeated after that person was
   * erased: it is answered by its id, before it could make the person known again. Returns the
   * other flights.
   */
  async #answerOfStrangers (
    { tenant, settings }: Sender, flights: readonly Flight[]
  ): Promise<Dissected[]> {
    const all = flights.map((flight) => ({ flight, parts: personalParts(flight.event, settings) }))
    const named = all.filter(({ flight: { minted } }) => !minted)
    const strangers = await this.#strangers(tenant, named.flatMap(({ parts }) => parts))
    if (strangers.size === 0) return all
    const doubtful = named.filter(({ parts }) =>
      parts.some(({ subject }) => strangers.has(subjectKey(subject))))
    const projected = await this.#project(tenant, doubtful.map(({ flight }) => flight), [])
    const answered = new Set<Flight>()
    for (const { flight } of doubtful) {
      const { id, event: input, settle } = flight
      const place = projected?.known.get(id)
      if (place === undefined) continue
      const { stream, revision } = place
      this.#answer({ id, input, stream, revision }, settle)
      answered.add(flight)
    }
    return all.filter(({ flight }) => !answered.has(flight))
  }

  /** Those of the subjects whom the vault does not know, or is about to forget. */
  async #strangers (tenant: string, parts: readonly PersonalPart[]): Promise<Set<string>> {
    const subjects = new Map(parts.map(({ subject }) => [subjectKey(subject), subject]))
    const strangers = new Set<string>()
    await Promise.all([...subjects].map(async ([name, subject]) => {
      const key = await this.#options.vault.find(tenant, subject)
      if (key === undefined || key.closed === true) strangers.add(name)
    }))
    return strangers
  }

  async #provision (
    tenant: string, parts: ReadonlyArray<readonly PersonalPart[]>, sealing: Promise<unknown>
  ): Promise<ReadonlyMap<string, SubjectKey>> {
    const subjects = new Map<string, SubjectRef>()
    for (const { subject } of parts.flat()) subjects.set(subjectKey(subject), subject)
    if (subjects.size === 0) return new Map()
    return await this.#options.vault.provision(tenant, [...subjects.values()], sealing)
  }

  /** Without the read models, undefined: then the log itself is searched. */
  async #project (
    tenant: string, flights: readonly Flight[], streams: readonly string[]
  ): Promise<Projected | undefined> {
    const ids = flights.filter(({ minted }) => !minted).map(({ id }) => id)
    try {
      return await this.#lookup({ tenant, ids, streams: [...new Set(streams)] })
    } catch (err) {
      if (asLedgerError(err).code !== 'DATABASE_UNAVAILABLE') throw err
      return undefined
    }
  }

  #prepare (
    flight: Flight, draft: EncodeOptions, projected: Projected | undefined, stream: string
  ): Pending[] {
    const { id, event, minted, settle } = flight
    const known = projected?.known.get(id)
    if (known !== undefined && !minted) {
      const { stream, revision } = known
      this.#answer({ id, input: event, stream, revision }, settle)
      return []
    }
    try {
      const revision = projected && (projected.revisions.get(stream) ?? -1n)
      const after = minted ? undefined : revision ?? -1n
      const encoded = encode(draft)
      return [{
        encoded, input: event, after, projected: revision, settle: this.#weigh(encoded, settle)
      }]
    } catch (err) {
      settle({ ok: false, error: asLedgerError(err) })
      return []
    }
  }

  /** Counts an event's bytes until it is settled. */
  #weigh ({ bytes }: Encoded, settle: Flight['settle']): Flight['settle'] {
    const { maxBytes = LEDGER_MAX_BYTES } = this.#options
    if (this.#bytes > 0 && this.#bytes + bytes > maxBytes) throw overloaded()
    this.#bytes += bytes
    return (result) => {
      this.#bytes -= bytes
      settle(result)
    }
  }

  #answer (repetition: Repetition, settle: (result: AppendResult) => void): void {
    answerRepetition(this.#options, repetition)
      .then(settle, (err: unknown) => { settle({ ok: false, error: asLedgerError(err) }) })
  }
}

/** What the work throws is the answer of every one of the flights. */
function orFail (flights: readonly Flight[], work: () => Promise<void>): void {
  work().catch((err: unknown) => {
    const error = asLedgerError(err)
    for (const { settle } of flights) settle({ ok: false, error })
  })
}

import { categories, type Categories, type Writer } from './categories.ts'
import { deliver } from './deliver.ts'
import type { Outcome } from './entry.ts'
import { AbortedError, ClientError } from './errors.ts'
import type { EventInput } from './event.ts'
import { createFailures } from './failures.ts'
import { createIntake, type Intake, type Taken } from './intake.ts'
import { settingsOf, type ClientOptions } from './options.ts'
import { createPump } from './pump.ts'
import { createQueue } from './queue.ts'
import type { Receipt } from './receipt.ts'

/** Counted since the client was made, but for the first three, which are as of now. */
export interface Stats {
  /** Events and bytes of JSON that are in the buffer or on their way. */
  buffered: number
  bufferedBytes: number
  /** Calls that wait for room. */
  waiting: number
  /** In the ledger; `duplicates` of them by an attempt before the one that was answered. */
  recorded: number
  duplicates: number
  /** Refused, given up or aborted. */
  failed: number
  /** Turned away because there was no room: by `offer`, or with `whenFull: 'reject'`. */
  dropped: number
  retries: number
}

export interface AppendOptions {
  /** Ends the waiting; an event that is on its way already may be recorded all the same. */
  signal?: AbortSignal
}

/** A producer's way to the ledger. One for a process is enough. */
export interface Client extends Categories<Receipt>, Writer<Receipt> {
  /**
   * Resolves with the receipt when the event is durable in the ledger. Rejects with
   * UnsendableError, RefusedError, UndeliveredError, BufferFullError, ClosedError, or the
   * reason of the signal.
   */
  append (event: EventInput, options?: AppendOptions): Promise<Receipt>
  /**
   * The same for many, in order, each with its own outcome: what is refused does not touch the
   * others, so nothing is thrown for it. The events must not be changed meanwhile: they are taken
   * as there is room for them.
   */
  appendAll (events: readonly EventInput[], options?: AppendOptions): Promise<Outcome[]>
  /**
   * Resolves when the event is in the buffer: at once, or when there is room, so await it before
   * the next. Rejects with UnsendableError, BufferFullError, ClosedError. What becomes of the
   * event is told by `flush`, `close` and `onFailure`.
   */
  record (event: EventInput): Promise<void>
  /** Records the event if there is room now; false: it was dropped, which `stats` counts. */
  offer (event: EventInput): boolean
  /**
   * Resolves when everything that was given before is in the ledger. Rejects with FlushError when
   * recorded events were lost since the last flush.
   */
  flush (): Promise<void>
  /**
   * Takes nothing more and flushes. Aborting the signal gives up what is left. Called again, it
   * answers the same.
   */
  close (options?: { signal?: AbortSignal }): Promise<void>
  stats (): Stats
}

/**
 * A client of the ledger at a URL. Nothing is sent yet. Throws TypeError or RangeError that
 * names the option which is wrong.
 */
export function createClient (options: ClientOptions): Client {
  const settings = settingsOf(options)
  const queue = createQueue(settings.buffer)
  const stop = new AbortController()
  const failures = createFailures(settings.onFailure)
  const counts = { recorded: 0, duplicates: 0, failed: 0, retries: 0 }
  let closing: Promise<void> | undefined
  const pump = createPump(settings, queue, async (batch) => {
    await deliver(batch, settings, stop.signal, () => { counts.retries++ })
    failures.tell()
  })
  const intake = createIntake({
    settings,
    queue,
    onQueued: pump.wake,
    onSettled ({ awaited }, outcome) {
      if (outcome.ok) {
        counts.recorded++
        if (outcome.receipt.duplicate) counts.duplicates++
      } else {
        counts.failed++
        if (!awaited) failures.add(outcome.error)
      }
    }
  })
  const { append, appendAll } = appenders(intake)

  async function flush (): Promise<void> {
    await pump.drain([...intake.unsettled])
    failures.throwIfAny()
  }

  return {
    ...categories({ append }),
    append,
    appendAll,
    async record (event) { await intake.record(event) },
    offer: intake.offer,
    flush,
    close ({ signal } = {}) {
      const abort = (): void => { stop.abort(signal?.reason) }
      signal?.addEventListener('abort', abort)
      if (signal?.aborted === true) abort()
      intake.close()
      closing ??= flush()
      return closing.finally(() => signal?.removeEventListener('abort', abort))
    },
    stats: () => ({
      buffered: queue.held,
      bufferedBytes: queue.heldBytes,
      waiting: queue.waiting,
      ...counts,
      dropped: intake.dropped
    })
  }
}

function appenders (intake: Intake): Pick<Client, 'append' | 'appendAll'> {
  /** What throws is an outcome, too. */
  function start (event: EventInput, signal: AbortSignal | undefined): Taken {
    try {
      return intake.take(event, signal)
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      return { room: undefined, outcome: Promise.resolve({ ok: false, error }) }
    }
  }

  return {
    async append (event, { signal } = {}) {
      const outcome = await start(event, signal).outcome
      if (outcome.ok) return outcome.receipt
      throw outcome.error instanceof AbortedError ? outcome.error.cause : outcome.error
    },
    async appendAll (events, { signal } = {}) {
      const outcomes: Array<Promise<Outcome>> = []
      for (const event of events) {
        const { room, outcome } = start(event, signal)
        outcomes.push(outcome)
        if (room !== undefined) await Promise.race([room, outcome])
      }
      return await Promise.all(outcomes)
    }
  }
}

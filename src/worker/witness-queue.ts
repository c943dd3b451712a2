import { isLedgerError } from '../errors.ts'
import { codeOf, isUnavailable } from '../postgres/errors.ts'
import { Alarm } from './alarm.ts'
import type { LastHead } from './sealed-tree.ts'
import { WitnessAway, WitnessContradicts, WitnessRefuses } from './witness-client.ts'

/** A tree's last checkpoint, which a witness has not cosigned yet. */
export interface Owed {
  tenant: string
  head: LastHead
}

export interface QueueOptions {
  /** Asks the witness and puts its cosignature on record. */
  work: (owed: Owed, signal: AbortSignal) => Promise<void>
  /** Told why a tree is not cosigned, and when it is. Must not throw. */
  onTree: (tenant: string, wrong: Error | undefined) => Promise<void>
  /** Told why the witness is away, and when it is back. */
  onState: (away: string | undefined) => void
  /** A tree is cosigned so often at most. */
  spacingMs?: number | undefined
  retryMs?: number | undefined
  retryMaxMs?: number | undefined
  refusedMs?: number | undefined
}

const SPACING_MS = 1_000
const RETRY_MS = 1_000
const RETRY_MAX_MS = 60_000
const REFUSED_MS = 60_000
/** Trees for which one witness is asked at once. */
const TOGETHER_MAX = 16

/** What one witness owes. One that is slow or away keeps nobody else waiting. */
export class WitnessQueue {
  readonly #options: QueueOptions
  readonly #alarm = new Alarm()
  readonly #owed = new Map<string, Owed>()
  /** Tenant -> not to be asked for before, by performance.now(). */
  readonly #notBefore = new Map<string, number>()
  #failures = 0

  constructor (options: QueueOptions) {
    this.#options = options
  }

  /** The newest checkpoint of a tree takes the place of one that it still owes. */
  add (owed: Owed): void {
    this.#owed.set(owed.tenant, owed)
    this.#alarm.ring()
  }

  /** Asks for what is owed until the signal aborts. Throws for a bug only. */
  async run (signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { due, waitMs } = this.#due()
      if (due.length === 0) await this.#alarm.wait({ atLeastMs: 0, atMostMs: waitMs }, signal)
      else await this.#ask(due, signal)
    }
  }

  #due (): { due: Owed[], waitMs: number } {
    const now = performance.now()
    const waits = [...this.#owed.values()].map((owed) =>
      ({ owed, ms: (this.#notBefore.get(owed.tenant) ?? 0) - now }))
    const due = waits.filter(({ ms }) => ms <= 0).map(({ owed }) => owed)
    const waitMs = waits.reduce((least, { ms }) => Math.min(least, ms), RETRY_MAX_MS)
    return { due: due.slice(0, TOGETHER_MAX), waitMs }
  }

  /** Whether it is away shows in whoever is asked for; then all the others wait as well. */
  async #ask (due: readonly Owed[], signal: AbortSignal): Promise<void> {
    const asked = this.#failures > 0 ? due.slice(0, 1) : due
    const results = await Promise.all(asked.map(async (owed) =>
      await this.#one(owed, signal)))
    const away = results.find((result) => result instanceof WitnessAway)
    if (away === undefined) {
      if (this.#failures > 0) this.#options.onState(undefined)
      this.#failures = 0
      return
    }
    this.#options.onState(away.message)
    const { retryMs = RETRY_MS, retryMaxMs = RETRY_MAX_MS } = this.#options
    const backoffMs = Math.min(retryMs * 2 ** Math.min(this.#failures++, 16), retryMaxMs)
    await this.#alarm.wait({ atLeastMs: backoffMs, atMostMs: backoffMs }, signal)
  }

  /** What came of one tree: undefined if all is well. */
  async #one (owed: Owed, signal: AbortSignal): Promise<unknown> {
    const { work, onTree, spacingMs = SPACING_MS, refusedMs = REFUSED_MS } = this.#options
    const { tenant } = owed
    this.#owed.delete(tenant)
    this.#pause(tenant, spacingMs)
    try {
      await work(owed, signal)
      await onTree(tenant, undefined)
      return undefined
    } catch (err) {
      if (!this.#owed.has(tenant)) this.#owed.set(tenant, owed)
      if (err instanceof WitnessRefuses || err instanceof WitnessContradicts) {
        this.#pause(tenant, refusedMs)
        await onTree(tenant, err)
      } else if (!isPassing(err)) throw err
      return err
    }
  }

  #pause (tenant: string, ms: number): void {
    this.#notBefore.set(tenant, performance.now() + ms)
  }
}

/** Something that is away; it is asked again soon. */
function isPassing (err: unknown): boolean {
  return err instanceof WitnessAway || isLedgerError(err, 'LOG_UNAVAILABLE') ||
    isUnavailable(err) || codeOf(err) !== ''
}

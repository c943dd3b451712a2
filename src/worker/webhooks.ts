import { setMaxListeners } from 'node:events'
import { isLedgerError } from '../errors.ts'
import { codeOf, isUnavailable } from '../postgres/errors.ts'
import { Alarm } from './alarm.ts'
import { noFault } from './fault.ts'
import type { WebhookContext, WebhooksOptions } from './webhook-context.ts'
import { dueWebhooks, type DueWebhook } from './webhook-rows.ts'
import { takeTurn, type Passed } from './webhook-turn.ts'

export interface Webhooks {
  /** Delivers until the signal is aborted; waits for whatever is away. Throws for a bug only. */
  run (signal: AbortSignal): Promise<void>
  /** Tells that readers may see more. */
  wake (): void
}

const POLL_MS = 1_000
/** Between two looks, however much there is to see. */
const PAUSE_MS = 20
/** Webhooks that are sent something at once. */
const TURNS_MAX = 64
/** Of these, webhooks whose receiver failed before: they may take all their time, and no more. */
const FAILING_TURNS_MAX = 16
/** Webhooks of which it is remembered how far they were looked through, and when. */
const KNOWN_MAX = 10_000

/**
 * Sends events to webhooks, each webhook by itself: a receiver that hangs is waited for by nobody
 * else. Fed by what readers see, from a position that each webhook's row remembers, and never by
 * projections: a rebuild sends nothing. Every event is sent at least once and in order.
 */
export function createWebhooks (options: WebhooksOptions): Webhooks {
  const context = { ...options, fault: options.fault ?? noFault }
  const alarm = new Alarm()
  return {
    run: async (signal) => { await new Deliveries(context, alarm).run(signal) },
    wake: () => { alarm.ring() }
  }
}

class Deliveries {
  readonly #context: WebhookContext
  readonly #alarm: Alarm
  /** The turns that are under way, and whether their webhook was failing before. */
  readonly #turns = new Map<string, { failing: boolean, done: Promise<void> }>()
  readonly #passed = new Map<string, Passed>()
  /** When each had its last turn, as a number that grows: who waits longest is next. */
  readonly #lastTurns = new Map<string, number>()
  #turn = 0
  #bug: { err: unknown } | undefined

  constructor (context: WebhookContext, alarm: Alarm) {
    this.#context = context
    this.#alarm = alarm
  }

  async run (signal: AbortSignal): Promise<void> {
    const { pollMs = POLL_MS, isActive } = this.#context
    const waits = { atLeastMs: Math.min(PAUSE_MS, pollMs), atMostMs: pollMs }
    let active: AbortController | undefined
    const end = (): void => {
      active?.abort()
      active = undefined
      this.#passed.clear()
    }
    signal.addEventListener('abort', end, { once: true })
    while (!signal.aborted && this.#bug === undefined) {
      if (!isActive()) end()
      else await this.#begin((active ??= manyHear(new AbortController())).signal)
      await this.#alarm.wait(waits, signal)
    }
    end()
    await Promise.all([...this.#turns.values()].map(async ({ done }) => { await done }))
    if (this.#bug !== undefined) throw this.#bug.err
  }

  async #begin (signal: AbortSignal): Promise<void> {
    const { pool, now } = this.#context
    if (this.#passed.size > KNOWN_MAX) this.#passed.clear()
    if (this.#lastTurns.size > KNOWN_MAX) this.#lastTurns.clear()
    await this.#guard(async () => {
      const due = await dueWebhooks(pool, new Date(now()))
      const last = ({ id }: DueWebhook): number => this.#lastTurns.get(id) ?? 0
      due.sort((one, other) => last(one) - last(other))
      for (const hook of due) if (this.#mayBegin(hook)) this.#take(hook, signal)
    })
  }

  #mayBegin ({ id, version, live, failures }: DueWebhook): boolean {
    if (this.#bug !== undefined) return false
    const passed = this.#passed.get(id)
    const isLookedThrough = passed?.version === version && passed.position >= live
    if (isLookedThrough || this.#turns.has(id) || this.#turns.size >= TURNS_MAX) return false
    const failing = [...this.#turns.values()].filter((turn) => turn.failing).length
    return failures === 0 || failing < FAILING_TURNS_MAX
  }

  #take (hook: DueWebhook, signal: AbortSignal): void {
    const { id, version, failures } = hook
    const known = this.#passed.get(id)
    this.#passed.delete(id)
    this.#lastTurns.set(id, ++this.#turn)
    const done = this.#guard(async () => {
      const before = known?.version === version ? known : undefined
      const passed = await takeTurn(this.#context, hook, before, signal)
      if (passed !== undefined) this.#passed.set(id, passed)
      // Who told of news while this one ended was not heard for this webhook.
      this.#alarm.ring()
    }).finally(() => { this.#turns.delete(id) })
    this.#turns.set(id, { failing: failures > 0, done })
  }

  /** What passes by itself is tried again; a bug ends the worker, which is started again. */
  async #guard (work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (err) {
      if (isPassing(err)) this.#context.logger.warn({ err }, 'webhooks cannot go on; trying again')
      else this.#bug ??= { err }
    }
  }
}

/** Every turn listens to it. */
function manyHear (control: AbortController): AbortController {
  setMaxListeners(TURNS_MAX, control.signal)
  return control
}

/** Views that are gone for a moment come back with the next generation. */
function isPassing (err: unknown): boolean {
  return isLedgerError(err) || isUnavailable(err) || codeOf(err) !== ''
}

import canonicalize from 'canonicalize'
import type { EventInput } from '../../schemas/events/index.ts'
import { LedgerError } from '../errors.ts'
import type { AppendResult } from './receipt.ts'
import { reused } from './repeated.ts'

/** One id under way in this process, whoever waits for it. */
export interface Flight {
  id: string
  event: EventInput
  /** The id was made here, for this event: nobody can have tried it before. */
  minted: boolean
  /** Answers everybody who waits. Once. */
  settle: (result: AppendResult) => void
}

export interface Claim {
  newId: () => string
  /** Called once, with an answer for each event, in order. */
  done: (results: AppendResult[]) => void
  /** Records an event after the flight that it waited for came to nothing. */
  again: (event: EventInput) => Promise<AppendResult[]>
}

interface Follower {
  event: EventInput
  answer: (result: AppendResult) => void
  again: Claim['again']
}

/**
 * The events under way in a process, bounded. The same id is under way once per tenant: who brings
 * it again meanwhile waits for the same append.
 */
export class Flights {
  readonly #max: number
  readonly #followers = new Map<string, Follower[]>()
  #underWay = 0

  constructor (max: number) {
    this.#max = max
  }

  /** The flights that these events begin; the others join one. All or none: OVERLOADED. */
  take (
    { tenant }: { tenant: string }, events: readonly EventInput[], claim: Claim
  ): Flight[] {
    const collect = collector(events.length, claim.done)
    // An idle ledger takes any batch: what is bigger than the limit must not be refused for ever.
    if (this.#underWay > 0 && this.#underWay + events.length > this.#max) {
      events.forEach((_, index) => { collect(index, { ok: false, error: overloaded() }) })
      return []
    }
    this.#underWay += events.length
    const flights: Flight[] = []
    events.forEach((event, index) => {
      const answer = (result: AppendResult): void => {
        this.#underWay--
        collect(index, result)
      }
      const flight = this.#join(tenant, { event, answer, again: claim.again }, claim.newId)
      if (flight) flights.push(flight)
    })
    return flights
  }

  #join (tenant: string, own: Follower, newId: () => string): Flight | undefined {
    const { event, answer } = own
    if (event.id === undefined) return { id: newId(), event, minted: true, settle: answer }
    const { id } = event
    const key = `${tenant} ${id}`
    const followers = this.#followers.get(key)
    if (followers) {
      followers.push(own)
      return undefined
    }
    const joined: Follower[] = []
    this.#followers.set(key, joined)
    const settle = (result: AppendResult): void => {
      this.#followers.delete(key)
      answer(result)
      for (const follower of joined) follow(event, result, follower)
    }
    return { id, event, minted: false, settle }
  }
}

/** What a follower is told: the same, if it said the same. */
function follow (leader: EventInput, result: AppendResult, follower: Follower): void {
  const { event, answer, again } = follower
  if (canonicalize(leader) === canonicalize(event)) {
    answer(result.ok ? { ok: true, receipt: { ...result.receipt, duplicate: true } } : result)
    return
  }
  // Other words may still say the same (an `occurredAt` left out), or have been refused wrongly.
  again(event).then(
    ([own]) => { answer(own ?? { ok: false, error: reused(event.id ?? '') }) },
    () => { answer({ ok: false, error: reused(event.id ?? '') }) })
}

function collector (
  count: number, done: (results: AppendResult[]) => void
): (index: number, result: AppendResult) => void {
  const results: AppendResult[] = new Array(count)
  let missing = count
  if (missing === 0) done(results)
  return (index, result) => {
    results[index] = result
    if (--missing === 0) done(results)
  }
}

/** Too much is under way: nothing of this was tried. */
export function overloaded (): LedgerError {
  return new LedgerError('OVERLOADED', 'too many events are under way', { retryAfterS: 1 })
}

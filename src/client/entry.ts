import type { Encoded } from './encode.ts'
import type { ClientError } from './errors.ts'
import type { EventInput } from './event.ts'
import type { Receipt } from './receipt.ts'

/** What came of one event. */
export type Outcome =
  | { ok: true, receipt: Receipt }
  | { ok: false, error: ClientError }

/** An event on its way: from the call that gave it until its outcome is known. */
export interface Entry extends Encoded {
  /** Somebody waits for the receipt, so it does not wait for company. */
  readonly awaited: boolean
  readonly outcome: Promise<Outcome>
  isSettled (): boolean
  /** The first outcome counts. */
  settle (outcome: Outcome): void
}

/** A new entry; `onSettled` is told of its outcome once. */
export function entryOf (
  encoded: Encoded, awaited: boolean, onSettled: (entry: Entry, outcome: Outcome) => void
): Entry {
  let settled = false
  let resolve: (outcome: Outcome) => void = () => {}
  const outcome = new Promise<Outcome>((_resolve) => { resolve = _resolve })
  const entry: Entry = {
    ...encoded,
    awaited,
    outcome,
    isSettled: () => settled,
    settle (outcome) {
      if (settled) return
      settled = true
      resolve(outcome)
      onSettled(entry, outcome)
    }
  }
  return entry
}

/** The event as it is sent. */
export function eventOf ({ text }: Encoded): EventInput {
  return JSON.parse(text)
}

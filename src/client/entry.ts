import type { Encoded } from './encode.ts'
import type { ClientError } from './errors.ts'
import type { EventInput } from './event.ts'
import type { Receipt } from './receipt.ts'

/** What came of one event. */
export type Outcome =
  | { ok: true, receipt: Receipt }
  | { ok: false, error: ClientError }

/**
 * An event on its way: from the call that gave it until its outcome is known. One for each event,
 * so it is plain data: no closure or promise of its own unless somebody waits.
 */
export interface Entry extends Encoded {
  /** Somebody waits for the receipt, so it does not wait for company. */
  readonly awaited: boolean
  /** Told once, when it is settled. */
  readonly onSettled: (entry: Entry, outcome: Outcome) => void
  /** Undefined until it is settled. */
  outcome: Outcome | undefined
  /** Who waits for that. */
  waiting: Array<(outcome: Outcome) => void> | undefined
}

/** A new entry. */
export function entryOf (
  { id, text, bytes }: Encoded, awaited: boolean, onSettled: Entry['onSettled']
): Entry {
  return { id, text, bytes, awaited, onSettled, outcome: undefined, waiting: undefined }
}

/** Settles an entry; the first outcome counts. */
export function settle (entry: Entry, outcome: Outcome): void {
  if (entry.outcome !== undefined) return
  entry.outcome = outcome
  entry.onSettled(entry, outcome)
  for (const tell of entry.waiting ?? []) tell(outcome)
  entry.waiting = undefined
}

/** Resolves with the entry's outcome once it is known. */
export async function outcomeOf (entry: Entry): Promise<Outcome> {
  return entry.outcome ?? await new Promise((resolve) => {
    entry.waiting ??= []
    entry.waiting.push(resolve)
  })
}

/** The event as it is sent. */
export function eventOf ({ text }: Encoded): EventInput {
  return JSON.parse(text)
}

import type { Answer } from './answer.ts'
import { delayMs, pause } from './backoff.ts'
import { eventOf, settle, type Entry } from './entry.ts'
import { RefusedError, UndeliveredError, type Problem } from './errors.ts'
import type { Settings } from './options.ts'
import { post } from './post.ts'

/** What is left of a batch, and how it went so far. */
interface Left {
  entries: readonly Entry[]
  attempts: number
  /** Some attempt had no clear answer. */
  mayBeRecorded: boolean
}

/**
 * Sends a batch until every entry is settled: recorded, refused for good, or given up when the
 * settings' time is over or `stop` is aborted. Repeats what has no answer yet, with the same ids
 * and in the same order. `onRetry` is told before every repetition.
 */
export async function deliver (
  batch: readonly Entry[], settings: Settings, stop: AbortSignal, onRetry: () => void
): Promise<void> {
  const { retry, random, now } = settings
  const deadline = now() + retry.totalMs
  let left: Left = { entries: batch, attempts: 0, mayBeRecorded: false }
  for (;;) {
    if (stop.aborted) return giveUp(left, stop.reason)
    const answer = await post(left.entries, settings, stop)
    left = { ...left, attempts: left.attempts + 1 }
    if (answer.kind === 'too-large' && left.entries.length > 1) {
      for (const half of halves(left.entries)) await deliver(half, settings, stop, onRetry)
      return
    }
    const tried = take(answer, left)
    // Whoever gave up waiting took the entry out.
    const entries = tried.left.entries.filter(({ outcome }) => outcome === undefined)
    left = { ...tried.left, entries }
    if (entries.length === 0) return
    const delay = Math.max(delayMs(left.attempts, retry, random()), tried.afterMs ?? 0)
    if (now() + delay > deadline) return giveUp(left, tried.cause)
    await pause(delay, stop)
    if (!stop.aborted) onRetry()
  }
}

/** What an attempt left over, why, and how long the ledger asks to leave it alone. */
interface Tried {
  left: Left
  cause?: unknown
  afterMs?: number | undefined
}

/** Settles what has an answer. */
function take (answer: Answer, left: Left): Tried {
  if (answer.kind === 'again') {
    const mayBeRecorded = left.mayBeRecorded || answer.mayBeRecorded
    return { left: { ...left, mayBeRecorded }, cause: answer.cause, afterMs: answer.afterMs }
  }
  if (answer.kind !== 'items') {
    for (const entry of left.entries) refuse(entry, answer.problem, left.mayBeRecorded)
    return { left: { ...left, entries: [] } }
  }
  const rest: Entry[] = []
  let cause: unknown
  for (const [index, entry] of left.entries.entries()) {
    const item = answer.items[index]
    if (item?.kind === 'recorded') settle(entry, { ok: true, receipt: item.receipt })
    else if (item?.kind === 'refused') refuse(entry, item.problem, false)
    else {
      rest.push(entry)
      cause ??= item?.cause
    }
  }
  return { left: { ...left, entries: rest, mayBeRecorded: true }, cause }
}

function refuse (entry: Entry, problem: Problem, mayBeRecorded: boolean): void {
  settle(entry, { ok: false, error: new RefusedError(problem, eventOf(entry), mayBeRecorded) })
}

function giveUp ({ entries, attempts, mayBeRecorded }: Left, cause: unknown): void {
  for (const entry of entries) {
    const error = new UndeliveredError(eventOf(entry), { attempts, mayBeRecorded, cause })
    settle(entry, { ok: false, error })
  }
}

function halves (entries: readonly Entry[]): Array<readonly Entry[]> {
  const middle = Math.ceil(entries.length / 2)
  return [entries.slice(0, middle), entries.slice(middle)]
}

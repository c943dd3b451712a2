import { setTimeout as sleep } from 'node:timers/promises'
import { listEvents, type EventFilter, type EventRow } from
  '../../projections/entries/queries.ts'
import { inTenant } from '../postgres/transaction.ts'
import { readPosition } from './consistency.ts'
import { presentRows, type Reader } from './present.ts'
import { notBuiltYet } from './reading.ts'
import type { Services } from './services.ts'

/** Events that are read at once. */
const PAGE = 100
/** However busy the log is, a reader asks for more at most so often. */
const PAUSE_MS = 100
/** Something is said at least so often, and whether the reader still may read is looked at. */
export const HEARTBEAT_MS = 15_000
/** After how long a reader that was cut off shall come back. */
const RETRY_MS = 2_000

/** What is followed, by whom, and until when. */
export interface Following {
  reader: Reader
  /**
   * Asked for again whenever there is more to read: a person who is filtered by may have become
   * known in between.
   */
  filter: () => Promise<EventFilter>
  /** undefined: from what reads show now. */
  after: bigint | undefined
  /** Ends it: the reader went away, or the server stops. */
  signal: AbortSignal
  /** When it ends by itself, in milliseconds since 1970; undefined: never. */
  until: number | undefined
  /** Throws when the reader may not read any more. */
  requireAccess: () => Promise<unknown>
}

/**
 * Events as they become readable, in the order of the log, as text/event-stream: the id of each
 * is its position, by which a reader goes on without gap or repetition. The worker commits in the
 * log's order, so what is read after a position misses nothing. A reader that is slow is not read
 * ahead for.
 */
export async function * follow (
  services: Services, following: Following
): AsyncGenerator<string> {
  const { signal, until = Infinity } = following
  let { rows, seen } = await readOn(services, following, following.after)
  yield `retry: ${RETRY_MS}\nid: ${seen}\n\n`
  let saidAt = services.now()
  while (true) {
    if (rows.length > 0) {
      yield await eventsText(services, following, rows)
      saidAt = services.now()
    }
    if (signal.aborted || (rows.length < PAGE && services.now() >= until)) return
    if (rows.length < PAGE) {
      const left = Math.min(saidAt + HEARTBEAT_MS, until) - services.now()
      await moved(services, seen, Math.max(left, 0), signal)
      if (services.now() - saidAt >= HEARTBEAT_MS) {
        await following.requireAccess()
        yield `id: ${seen}\n: still here\n\n`
        saidAt = services.now()
      }
    }
    ({ rows, seen } = await readOn(services, following, seen))
  }
}

/**
 * The next events after a position, oldest first, and the position that was looked through. What
 * came since that was taken is left for later: its persons may not be known to the filter.
 */
async function readOn (
  { pool }: Services, { reader, filter }: Following, after: bigint | undefined
): Promise<{ rows: EventRow[], seen: bigint }> {
  try {
    const reflected = await readPosition(pool) ?? 0n
    if (after === undefined || reflected <= after) return { rows: [], seen: after ?? reflected }
    const wanted = await filter()
    const found = await inTenant(pool, reader.tenant, async (tx) => {
      return await listEvents(tx, wanted, { limit: PAGE, after })
    })
    const rows = found.reverse().filter(({ position }) => position <= reflected)
    const isAll = found.length < PAGE || rows.length < found.length
    return { rows, seen: isAll ? reflected : rows.at(-1)?.position ?? after }
  } catch (err) {
    // Before the first worker there are no events.
    if (notBuiltYet(err)) return { rows: [], seen: after ?? 0n }
    throw err
  }
}

/** Waits until there may be more, no longer than `waitMs`, and a moment in any case. */
async function moved (
  { progress }: Services, seen: bigint, waitMs: number, signal: AbortSignal
): Promise<void> {
  const gone = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => { resolve() }, { once: true })
  })
  await Promise.race([progress.reached(seen + 1n, waitMs), gone])
  if (!signal.aborted) await sleep(Math.min(PAUSE_MS, waitMs))
}

async function eventsText (
  { vault }: Services, { reader }: Following, rows: readonly EventRow[]
): Promise<string> {
  const texts = await presentRows(vault, reader, rows)
  // JSON has no line breaks of its own, so each is one data line.
  return texts.map((text, index) => `id: ${rows[index]?.position}\ndata: ${text}\n\n`).join('')
}

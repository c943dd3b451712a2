import { setTimeout as sleep } from 'node:timers/promises'
import { listEvents, type EventFilter, type EventRow } from
  '../../projections/entries/queries.ts'
import { inTenant } from '../postgres/transaction.ts'
import { readPosition } from './consistency.ts'
import { presentRows, type Reader } from './present.ts'
import { notBuiltYet } from './reading.ts'
import type { Services } from './services.ts'
import type { Turn } from './turns.ts'

/** Events that are read at once. */
const PAGE = 100
/** However busy the log is, a reader asks for more at most so often. */
const PAUSE_MS = 100
/** Something is said at least so often, and whether the reader still may read is looked at. */
export const HEARTBEAT_MS = 15_000
/** That a read was recorded is no read to record again: a stream would feed itself for ever. */
const OF_A_READ = '"action":"ledger.read"'
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
  /** Reading for many at once waits its turn, so that others are answered in between. */
  turn: Turn
  /** When it ends by itself, in milliseconds since 1970; undefined: never. */
  until: number | undefined
  /** Throws when the reader may not read any more. */
  requireAccess: () => Promise<unknown>
  /** Records that so many events leave; throws when that is not possible, and they do not. */
  record: (rows: number) => Promise<void>
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
  const readOn = async (after: bigint | undefined): Promise<Read> =>
    await following.turn(async () => await readAfter(services, following, after))
  let { text, told, isAll, seen } = await readOn(following.after)
  yield `retry: ${RETRY_MS}\nid: ${seen}\n\n`
  let saidAt = services.now()
  while (true) {
    if (text !== '') {
      if (told > 0) await following.record(told)
      yield text
      saidAt = services.now()
    }
    if (signal.aborted || (isAll && services.now() >= until)) return
    if (isAll) {
      const left = Math.min(saidAt + HEARTBEAT_MS, until) - services.now()
      await moved(services, seen, Math.max(left, 0), signal)
      if (services.now() - saidAt >= HEARTBEAT_MS) {
        await following.requireAccess()
        yield `id: ${seen}\n: still here\n\n`
        saidAt = services.now()
      }
    }
    ({ text, told, isAll, seen } = await readOn(seen))
  }
}

interface Read {
  /** The events as blocks of the stream. */
  text: string
  /** Of how many of them it is recorded that they were read. */
  told: number
  /** There are no more until reads show more. */
  isAll: boolean
  /** The position that was looked through. */
  seen: bigint
}

/**
 * The next events after a position. What came since the position that reads reflect was taken is
 * left for later: its persons may not be known to the filter.
 */
async function readAfter (
  services: Services, following: Following, after: bigint | undefined
): Promise<Read> {
  const { reader, filter } = following
  try {
    const reflected = await readPosition(services.pool) ?? 0n
    if (after === undefined || reflected <= after) return nothing(after ?? reflected)
    const wanted = await filter()
    const found = await inTenant(services.pool, reader.tenant, async (tx) => {
      return await listEvents(tx, wanted, { limit: PAGE, after })
    })
    const rows = found.reverse().filter(({ position }) => position <= reflected)
    const isAll = found.length < PAGE || rows.length < found.length
    const text = await eventsText(services, following, rows)
    const told = rows.filter(({ body }) => !body.includes(OF_A_READ)).length
    return { text, told, isAll, seen: isAll ? reflected : rows.at(-1)?.position ?? after }
  } catch (err) {
    // Before the first worker there are no events.
    if (notBuiltYet(err)) return nothing(after ?? 0n)
    throw err
  }
}

function nothing (seen: bigint): Read {
  return { text: '', told: 0, isAll: true, seen }
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

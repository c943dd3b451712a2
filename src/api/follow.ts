import { setTimeout as sleep } from 'node:timers/promises'
import { listEvents, type EventFilter } from '../../projections/entries/queries.ts'
import { inTenant } from '../postgres/transaction.ts'
import { readPosition } from './consistency.ts'
import { presentRows, type Reader } from './present.ts'
import { notBuiltYet } from './reading.ts'
import type { Services } from './services.ts'
import type { Turn } from './turns.ts'

/** Events that are read at once. */
const PAGE = 100
/** Bytes of events that are kept for a reader at once; a single event may be more. */
export const PIECE_BYTES = 131_072
/** However busy the log is, a reader asks for more at most so often. */
const PAUSE_MS = 100
/** Something is said at least so often. */
export const HEARTBEAT_MS = 15_000
/** That a read was recorded is no read to record again: a stream would feed itself for ever. */
const OF_A_READ = '"action":"ledger.read"'

/** What is followed, by whom, and until when. */
export interface Following {
  reader: Reader
  /**
   * Asked for again whenever there is more to read: a person who is filtered by may have become
   * known in between.
   */
  filter: () => Promise<EventFilter>
  /** What the filter is made of: the same for all who follow the same. */
  query: object
  /** undefined: from what reads show now. */
  after: bigint | undefined
  /** Ends it: the reader went away, or the server stops. */
  signal: AbortSignal
  /** When it ends by itself, in milliseconds since 1970; undefined: never. */
  until: number | undefined
  /** Throws when the reader may not read any more: asked before whatever is sent. */
  requireAccess: () => Promise<unknown>
  /** Records that so many events leave; throws when that is not possible, and they do not. */
  record: (rows: number) => Promise<void>
}

/** An event as JSON text, and its position. */
export interface EventText {
  position: bigint
  text: string
}

/** What is sent at once. Readers of the same share it, and what is made of it. */
export interface Piece {
  /** None in a sign of life. */
  events: readonly EventText[]
  /** Of how many of them it is recorded that they were read. */
  told: number
  /** The position to go on after. */
  seen: bigint
  /** There are no more until reads show more. */
  isAll: boolean
}

/** Reads the piece after a position, or from what reads show now. */
export type ReadOn = (following: Following, after: bigint | undefined) => Promise<Piece>

/**
 * Events as they become readable, in the order of the log. By the position of what it has seen a
 * reader goes on without gap or repetition: the worker commits in the log's order, so what is read
 * after a position misses nothing. Begins with a sign of life, and gives one whenever nothing has
 * come for a while. A reader that is slow is not read ahead for.
 */
export async function * follow (
  services: Services, readOn: ReadOn, following: Following
): AsyncGenerator<Piece> {
  const { signal, until = Infinity } = following
  let piece = await readOn(following, following.after)
  yield signOf({ ...piece, seen: following.after ?? piece.seen })
  let saidAt = services.now()
  while (true) {
    if (piece.events.length > 0) {
      await following.requireAccess()
      if (piece.told > 0) await following.record(piece.told)
      yield piece
      saidAt = services.now()
    }
    const { isAll, seen } = piece
    if (signal.aborted || (isAll && services.now() >= until)) return
    if (isAll) {
      const left = Math.min(saidAt + HEARTBEAT_MS, until) - services.now()
      await moved(services, seen, Math.max(left, 0), signal)
      if (services.now() - saidAt >= HEARTBEAT_MS) {
        await following.requireAccess()
        yield signOf(piece)
        saidAt = services.now()
      }
    }
    piece = await readOn(following, seen)
  }
}

/**
 * Reads for followers. Those that want the same at the same time get the same piece: hundreds who
 * wait for the next event cost one query and one text. `turn` lets others be answered in between.
 */
export function createReadOn (services: Services, turn: Turn): ReadOn {
  const underWay = new Map<string, Promise<Piece>>()
  return async (following, after) => {
    const { reader: { tenant, access }, query } = following
    const read = async (): Promise<Piece> =>
      await turn(async () => await readAfter(services, following, after))
    // A piece is only for those who see everybody's data in it.
    if (access !== 'opened') return await read()
    const key = JSON.stringify([tenant, query, String(after)])
    const shared = underWay.get(key) ?? read().finally(() => { underWay.delete(key) })
    underWay.set(key, shared)
    return await shared
  }
}

/**
 * The next events after a position. What came since the position that reads reflect was taken is
 * left for later: its persons may not be known to the filter.
 */
async function readAfter (
  services: Services, { reader, filter }: Following, after: bigint | undefined
): Promise<Piece> {
  try {
    const reflected = await readPosition(services.pool) ?? 0n
    if (after === undefined || reflected <= after) return nothing(after ?? reflected)
    const wanted = await filter()
    const found = await inTenant(services.pool, reader.tenant, async (tx) => {
      return await listEvents(tx, wanted, { limit: PAGE, after })
    })
    const rows = found.reverse().filter(({ position }) => position <= reflected)
    const texts = await presentRows(services, reader, rows)
    const events = texts.map((text, index) => ({ text, position: rows[index]?.position ?? after }))
    const fitting = events.slice(0, fittingCount(texts))
    const isAll = fitting.length === rows.length &&
      (found.length < PAGE || rows.length < found.length)
    const told = rows.slice(0, fitting.length)
      .filter(({ body }) => !body.includes(OF_A_READ)).length
    const seen = isAll ? reflected : fitting.at(-1)?.position ?? after
    return { events: fitting, told, isAll, seen }
  } catch (err) {
    // Before the first worker there are no events.
    if (notBuiltYet(err)) return nothing(after ?? 0n)
    throw err
  }
}

/** How many of the texts one piece holds, one at least. */
function fittingCount (texts: readonly string[]): number {
  let bytes = 0
  const beyond = texts.findIndex((text) => (bytes += Buffer.byteLength(text)) > PIECE_BYTES)
  return beyond === -1 ? texts.length : Math.max(beyond, 1)
}

/** A sign of life at the place of a piece. */
function signOf ({ seen, isAll }: Piece): Piece {
  return { events: [], told: 0, seen, isAll }
}

function nothing (seen: bigint): Piece {
  return { events: [], told: 0, isAll: true, seen }
}

/** Waits until there may be more, no longer than `waitMs`, and a moment in any case. */
async function moved (
  { progress }: Services, seen: bigint, waitMs: number, signal: AbortSignal
): Promise<void> {
  await progress.reached(seen + 1n, waitMs, signal)
  await sleep(Math.min(PAUSE_MS, waitMs), undefined, { signal }).catch(() => {})
}

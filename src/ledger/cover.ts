import { LedgerError } from '../errors.ts'
import type { Pending } from './append.ts'
import type { Log } from './log.ts'
import { lastRevision } from './read.ts'
import { emptyTail, extendTail, prependTail, type Placed, type Tail } from './tail.ts'

/** How much of a stream is searched for an id when the read models cannot be asked. */
export const BLIND_MAX_EVENTS = 4_096
/** How far the read models may be behind on one stream before its repetitions cannot be told. */
export const TAIL_MAX_EVENTS = 65_536
const RETRY_AFTER_S = 2

/** After which revision the ids of a group can stand; undefined: nowhere yet. */
export function searchedFrom (group: readonly Pending[]): bigint | undefined {
  return group.reduce<bigint | undefined>((least, { after }) =>
    after !== undefined && (least === undefined || after < least) ? after : least, undefined)
}

/** What the read models certainly have of the group's stream; -1n: nothing. */
export function projectedOf (group: readonly Pending[]): bigint {
  return group.reduce((most, { projected = -1n }) => projected > most ? projected : most, -1n)
}

/**
 * A tail that knows every id that a group could repeat, up to the last revision known to exist.
 * What is missing is read from the log. Throws DATABASE_UNAVAILABLE or LAGGING when that is too
 * much, LOG_UNAVAILABLE when the log cannot be read.
 */
export async function coverGroup (
  log: Log, stream: string, given: Tail | undefined, group: readonly Pending[]
): Promise<Tail> {
  const from = searchedFrom(group)
  const projected = projectedOf(group)
  const tail = given ?? emptyTail(from ?? await headHint(log, stream, group))
  if (from !== undefined && from < tail.base) {
    const max = Number(tail.base - from)
    const missing = await readPlaced(log, stream, from + 1n, { max, group })
    prependTail(tail, from, missing.filter(({ revision }) => revision <= tail.base))
  }
  if (projected > tail.head || (given === undefined && isBlind(group) && from !== undefined)) {
    await catchUp(log, stream, tail, group)
  }
  return tail
}

/** Reads what came after the tail's head. Throws as coverGroup does. */
export async function catchUp (
  log: Log, stream: string, tail: Tail, group: readonly Pending[]
): Promise<void> {
  extendTail(tail, await readPlaced(log, stream, tail.head + 1n, { group }))
}

/** Where to try for events that nobody can have tried before: only a hint, never a claim. */
async function headHint (log: Log, stream: string, group: readonly Pending[]): Promise<bigint> {
  if (!isBlind(group)) return projectedOf(group)
  return await lastRevision(log, stream)
}

function isBlind (group: readonly Pending[]): boolean {
  return group.some(({ projected }) => projected === undefined)
}

async function readPlaced (
  log: Log, stream: string, from: bigint, bounds: { max?: number, group: readonly Pending[] }
): Promise<Placed[]> {
  const blind = isBlind(bounds.group)
  const limit = blind ? BLIND_MAX_EVENTS : TAIL_MAX_EVENTS
  if (bounds.max !== undefined && bounds.max > limit) throw tooFar(blind, stream)
  const placed: Placed[] = []
  for await (const { id, revision } of log.readStream(stream, {
    from, max: bounds.max ?? limit + 1
  })) {
    if (placed.length === limit) throw tooFar(blind, stream)
    placed.push({ id, revision })
  }
  return placed
}

function tooFar (blind: boolean, stream: string): LedgerError {
  return blind
    ? new LedgerError('DATABASE_UNAVAILABLE',
      `${stream} has more than ${BLIND_MAX_EVENTS} events: no id in it can be told to be new`,
      { retryAfterS: RETRY_AFTER_S })
    : new LedgerError('LAGGING',
      `the read models are more than ${TAIL_MAX_EVENTS} events behind on ${stream}`,
      { retryAfterS: RETRY_AFTER_S })
}

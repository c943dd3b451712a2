/**
 * What an append to a stream means: written, repeated, or refused. Pure; the same decisions as the
 * real server's commit check.
 */
import { ANY, NO_STREAM, STREAM_EXISTS, type Expected } from '../wire/append.ts'

/** What the rules ask about the stream, counting what is not yet durable. */
export interface StreamState {
  /** The last revision, -1 when there is no event. */
  readonly last: number
  readonly tombstoned: boolean
  readonly softDeleted: boolean
  readonly hasMetadata: boolean
  /** The id of the event at an existing revision. */
  idAt (revision: number): string
  /** The revision of an id that is still remembered, if it is of this stream. */
  known (id: string): number | undefined
}

/** `repeated` carries the revision of the last event of the call that it repeats. */
export type Decision =
  | { readonly kind: 'write' }
  | { readonly kind: 'repeated', readonly last: number }
  | { readonly kind: 'wrong-expected-version' }
  | { readonly kind: 'stream-deleted' }

const WRITE: Decision = { kind: 'write' }
const WRONG: Decision = { kind: 'wrong-expected-version' }
const DELETED: Decision = { kind: 'stream-deleted' }

/** Decides an append of events with these ids. */
export function decide (
  state: StreamState, expected: Expected, ids: readonly string[]
): Decision {
  if (state.tombstoned) return DELETED
  if (expected === STREAM_EXISTS) {
    if (state.softDeleted) return DELETED
    if (state.last < 0 && !state.hasMetadata) return WRONG
  }
  if (expected === ANY || expected === STREAM_EXISTS) return decideByMemory(state, ids)
  if (expected < state.last) return decideBySlots(state, expected, ids)
  return expected > state.last ? WRONG : WRITE
}

/** Without an expected revision only remembered ids tell a repetition. */
function decideByMemory (state: StreamState, ids: readonly string[]): Decision {
  let last = -1
  for (const [i, id] of ids.entries()) {
    const revision = state.known(id)
    if (revision === undefined) return i === 0 ? WRITE : WRONG
    last = revision
  }
  return ids.length === 0 ? WRITE : { kind: 'repeated', last }
}

/** The slots after the expected revision are taken: by this very call, or by another. */
function decideBySlots (
  state: StreamState, expected: Expected, ids: readonly string[]
): Decision {
  for (const [i, id] of ids.entries()) {
    const revision = expected + 1 + i
    if (revision <= state.last && state.idAt(revision) === id) continue
    return i === 0 && expected === NO_STREAM && state.softDeleted ? WRITE : WRONG
  }
  return ids.length === 0 ? WRONG : { kind: 'repeated', last: expected + ids.length }
}

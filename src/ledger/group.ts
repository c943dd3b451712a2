import { LedgerError, isLedgerError } from '../errors.ts'
import { appendAt, type AppendContext, type Decision, type Pending } from './append.ts'
import { catchUp, coverGroup, projectedOf, searchedFrom } from './cover.ts'
import { encodedLeafHash } from './codec.ts'
import { emptyTail, extendTail, type Tail, type Tails } from './tail.ts'

/** How often a group makes room for other writers of its stream before it gives up. */
export const CONFLICTS_MAX = 8
const CONFLICT_PAUSE_MS = 5

export interface GroupContext extends AppendContext {
  tails: Tails
  /** Answers an event whose id was found in the stream, at that revision. */
  found: (pending: Pending, revision: bigint) => void
}

/**
 * Appends a group of events to one stream, each id at most once, and settles every one of them.
 * Only one group of a stream may be under way in a process. Never throws.
 *
 * The claim at the moment of appending is: none of these ids is at or before the expected
 * revision. The look-up's snapshot says so up to its revision, the tail from there. If the stream
 * has moved, the append fails as a whole, and the claim is made anew from what is read.
 */
export async function appendGroup (
  context: GroupContext, stream: string, group: readonly Pending[]
): Promise<void> {
  const state: GroupState = { tail: context.tails.take(stream), waiting: group }
  try {
    for (let conflicts = 0; state.waiting.length > 0; conflicts++) {
      if (conflicts > CONFLICTS_MAX) throw tooManyConflicts(stream)
      if (conflicts > 0) await context.sleep(CONFLICT_PAUSE_MS * conflicts * context.random())
      await step(context, stream, state)
    }
  } catch (err) {
    const error = asLedgerError(err)
    // What we held true of a log that went backwards is worth nothing.
    if (error.code === 'LOG_REGRESSION') state.tail = undefined
    for (const { settle } of state.waiting) settle({ ok: false, error })
  }
  if (state.tail) context.tails.put(stream, state.tail, projectedOf(group))
}

interface GroupState {
  tail: Tail | undefined
  waiting: readonly Pending[]
}

async function step (context: GroupContext, stream: string, state: GroupState): Promise<void> {
  const tail = await cover(context, stream, state)
  state.waiting = settleFound(context, tail, state.waiting)
  if (state.waiting.length === 0) return
  const expected = tail.head
  const decision = await appendAt(context, stream, state.waiting, expected)
  if (decision.kind === 'appended') {
    settleAppended(tail, state.waiting, decision)
    state.waiting = []
    return
  }
  const current = decision.current ?? -1n
  if (current < expected) throw regression(stream, expected)
  // Ids that nobody can have tried need no search: the new head is all there is to know.
  if (searchedFrom(state.waiting) === undefined) state.tail = emptyTail(current)
  else await extend(context, stream, state)
}

async function cover (context: GroupContext, stream: string, state: GroupState): Promise<Tail> {
  try {
    state.tail = await coverGroup(context.log, stream, state.tail, state.waiting)
  } catch (err) {
    keepTheNew(state, err)
    state.tail = await coverGroup(context.log, stream, undefined, state.waiting)
  }
  return state.tail
}

async function extend (context: GroupContext, stream: string, state: GroupState): Promise<void> {
  if (state.tail === undefined) return
  try {
    await catchUp(context.log, stream, state.tail, state.waiting)
  } catch (err) {
    keepTheNew(state, err)
    state.tail = undefined
  }
}

/** Where a search would go too far, only the events that need it fail. */
function keepTheNew (state: GroupState, err: unknown): void {
  const fresh = state.waiting.filter(({ after }) => after === undefined)
  const searchable = isLedgerError(err, 'LAGGING') || isLedgerError(err, 'DATABASE_UNAVAILABLE')
  if (!searchable || fresh.length === 0) throw err
  for (const { after, settle } of state.waiting) {
    if (after !== undefined) settle({ ok: false, error: err })
  }
  state.waiting = fresh
}

/** Hands over what is in the stream already; returns the rest. */
function settleFound (
  { found }: GroupContext, { revisions }: Tail, group: readonly Pending[]
): readonly Pending[] {
  return group.filter((pending) => {
    const revision = revisions.get(pending.encoded.event.id)
    if (revision !== undefined) found(pending, revision)
    return revision === undefined
  })
}

function settleAppended (
  tail: Tail, group: readonly Pending[], { position }: Extract<Decision, { kind: 'appended' }>
): void {
  for (const { encoded, settle } of group) {
    const revision = tail.head + 1n
    const { stream, recordedAt, event: { id } } = encoded
    extendTail(tail, [{ id, revision }])
    const leafHash = encodedLeafHash(encoded, revision)
    settle({
      ok: true,
      receipt: {
        id, stream, revision, position: position.commit, recordedAt, leafHash, duplicate: false
      }
    })
  }
}

/** A failure as a LedgerError; what was not foreseen is INTERNAL. */
export function asLedgerError (err: unknown): LedgerError {
  return isLedgerError(err)
    ? err
    : new LedgerError('INTERNAL', 'an append failed in an unforeseen way', { cause: err })
}

function tooManyConflicts (stream: string): LedgerError {
  return new LedgerError('STREAM_CONFLICT',
    `${stream} moved ${CONFLICTS_MAX + 1} times while it was written to`, { retryAfterS: 1 })
}

function regression (stream: string, expected: bigint): LedgerError {
  return new LedgerError('LOG_REGRESSION',
    `${stream} ends before revision ${expected}, which it had reached`)
}

import type { EventInput } from '../../schemas/events/index.ts'
import { LedgerError } from '../errors.ts'
import type { Encoded } from './codec.ts'
import type { Confirm } from './confirm.ts'
import type { AppendOutcome, Log } from './log.ts'
import type { AppendResult } from './receipt.ts'

/** How often one append is tried while its outcome is unknown or the log cannot be reached. */
export const APPEND_TRIES_MAX = 3
const RETRY_AFTER_S = 1
const PAUSE_FIRST_MS = 50

/** An event on its way into its stream. */
export interface Pending {
  encoded: Encoded
  input: EventInput
  /** The id can stand only after this revision; undefined: nobody can have tried it before. */
  after: bigint | undefined
  /** The stream's revision in the look-up's snapshot, -1n: none; undefined: nobody could say. */
  projected: bigint | undefined
  settle: (result: AppendResult) => void
}

/** What appending works with; time and chance are arguments so that a test can rule them. */
export interface AppendContext {
  log: Log
  confirm: Confirm
  sleep: (ms: number) => Promise<void>
  /** In [0, 1). */
  random: () => number
}

/** The part of AppendOutcome that decides something; here `appended` means: by us. */
export type Decision = Extract<AppendOutcome, { kind: 'appended' | 'conflict' }>

/**
 * Appends events right after `expected` (-1n: as the stream's first), or finds that the stream
 * has moved. While the outcome is unknown it repeats the same events at the same place, where
 * EventStoreDB answers a repetition with the first success.
 * Throws LOG_UNAVAILABLE when that leads nowhere; the events may be there then, and their `after`
 * says so.
 */
export async function appendAt (
  context: AppendContext, stream: string, group: readonly Pending[], expected: bigint
): Promise<Decision> {
  const events = group.map(({ encoded }) => encoded.event)
  for (let tries = 1; ; tries++) {
    const outcome = await context.log.append(stream, events, expected < 0n ? undefined : expected)
    if (outcome.kind === 'conflict') return outcome
    if (outcome.kind === 'appended') {
      const ours = await areOurs(context, group, expected, outcome)
      return ours ? outcome : { kind: 'conflict', current: outcome.lastRevision }
    }
    if (outcome.kind === 'unknown') for (const pending of group) pending.after ??= expected
    if (tries === APPEND_TRIES_MAX) throw logUnavailable(outcome.cause)
    await context.sleep(PAUSE_FIRST_MS * 4 ** (tries - 1) * (0.5 + context.random()))
  }
}

/**
 * Whether a success is our own. EventStoreDB compares ids only: when another process has just
 * appended the same ids at the same place, it tells us success too, but the events there are not
 * ours: recorded at another time, sealed with other keys, perhaps other content altogether.
 * An append is atomic, so the last event tells for all; and one id that nobody else can know
 * proves it without looking.
 */
async function areOurs (
  { confirm }: AppendContext, group: readonly Pending[], expected: bigint,
  { lastRevision, position }: Extract<AppendOutcome, { kind: 'appended' }>
): Promise<boolean> {
  const last = group.at(-1)?.encoded
  if (last === undefined || lastRevision !== expected + BigInt(group.length)) return false
  if (group.some(({ after }) => after === undefined)) return true
  return await confirm(last, lastRevision, position)
}

/** The log cannot be reached: what was sent is not acknowledged and can be sent again. */
export function logUnavailable (cause: unknown): LedgerError {
  return new LedgerError('LOG_UNAVAILABLE', 'the log did not answer',
    { cause, retryAfterS: RETRY_AFTER_S })
}

import type { EventInput } from '../../schemas/events/index.ts'
import { LedgerError } from '../errors.ts'
import type { Vault } from '../privacy/vault.ts'
import { decode, isExactly, type Encoded } from './codec.ts'
import type { Log } from './log.ts'
import { contentMatches } from './matches.ts'
import { readEvent } from './read.ts'
import type { AppendResult } from './receipt.ts'

export interface Repetition {
  id: string
  input: EventInput
  /** Where an event with this id stands. */
  stream: string
  revision: bigint
  /** What we may have appended ourselves: then it is no repetition. */
  attempted?: Encoded
}

/**
 * The answer to an event whose id is in the log already: the original receipt if the content is
 * the same, else ID_REUSED. Throws LOG_UNAVAILABLE, DATABASE_UNAVAILABLE; LOG_REGRESSION when
 * the event is not where it was known to be.
 */
export async function answerRepetition (
  { log, vault }: { log: Log, vault: Pick<Vault, 'keys'> }, repetition: Repetition
): Promise<AppendResult> {
  const { id, input, stream, revision, attempted } = repetition
  const recorded = await readEvent(log, stream, revision)
  if (recorded?.id !== id) {
    throw new LedgerError('LOG_REGRESSION',
      `event ${id} is not at revision ${revision} of ${stream}, where it was`)
  }
  const decoded = decode(recorded)
  const ours = attempted !== undefined && isExactly(recorded, attempted)
  if (!decoded.ok || !(ours || await contentMatches(input, decoded.event, vault))) {
    return { ok: false, error: reused(id) }
  }
  const { position, leafHash, data: { recordedAt } } = decoded.event
  const duplicate = !ours
  return { ok: true, receipt: { id, stream, revision, position, recordedAt, leafHash, duplicate } }
}

/** The id belongs to another event. */
export function reused (id: string): LedgerError {
  return new LedgerError('ID_REUSED', `id ${id} was recorded with other content`)
}

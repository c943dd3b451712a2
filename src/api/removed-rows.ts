import type { EventRow } from '../../projections/entries/queries.ts'
import { rowOf } from '../../projections/entries/shown.ts'
import { erasedAmong } from '../../projections/erasure-records/queries.ts'
import { namedRefs } from '../../projections/keys.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { LedgerError } from '../errors.ts'
import { decode } from '../ledger/codec.ts'
import type { Log } from '../ledger/log.ts'
import { readEvent } from '../ledger/read.ts'
import { inTenant } from '../postgres/transaction.ts'
import type { LeafPlace } from './leaf.ts'
import type { Services } from './services.ts'
import { createTurns } from './turns.ts'

const READS_AT_ONCE_MAX = 20

/**
 * What retention removed, as rows again: from the log itself, without whoever was erased. Throws
 * LOG_REGRESSION if an event is not there, LOG_UNAVAILABLE.
 */
export async function rowsFromLog (
  { log, pool }: Pick<Services, 'log' | 'pool'>, tenant: string, places: readonly LeafPlace[]
): Promise<EventRow[]> {
  if (places.length === 0) return []
  const turn = createTurns(READS_AT_ONCE_MAX)
  const events = await Promise.all(places.map(async (place) =>
    await turn(async () => await readDecoded(log, place))))
  const refs = [...new Set(events.flatMap(namedRefs))]
  const erased = await inTenant(pool, tenant, async (tx) => await erasedAmong(tx, refs))
  return events.map((event) => rowOf(event, erased))
}

async function readDecoded (log: Log, { id, stream, revision }: LeafPlace): Promise<DecodedEvent> {
  const recorded = await readEvent(log, stream, revision)
  const decoded = recorded?.id === id ? decode(recorded) : undefined
  if (decoded?.ok === true) return decoded.event
  throw new LedgerError('LOG_REGRESSION', `event ${id} is not where it was projected from`)
}

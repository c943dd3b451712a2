import { LedgerError } from '../errors.ts'
import type { Log } from '../ledger/log.ts'
import { readEvent } from '../ledger/read.ts'
import { leafData } from '../proof/leaf.ts'

/** Where reads say that an event is. */
export interface LeafPlace {
  id: string
  stream: string
  revision: bigint
}

/** The leaf data of an event, from the log itself. Throws LOG_REGRESSION if it is not there. */
export async function readLeaf (log: Log, { id, stream, revision }: LeafPlace): Promise<string> {
  const event = await readEvent(log, stream, revision)
  if (event?.id === id) return leafData(event)
  throw new LedgerError('LOG_REGRESSION', `event ${id} is not where it was projected from`)
}

import type { EventInput } from '../../schemas/events/index.ts'
import { LEDGER_SOURCE } from '../../schemas/events/ledger.ts'
import { encode, type Encoded } from './codec.ts'
import { checkOwnEvent } from './own.ts'

/**
 * An event of the ledger's own, ready to be appended to its stream: for the worker, which has no
 * vault and needs none, as such events name no person. Throws INVALID_EVENT for one that does not
 * speak the ledger's words.
 */
export function ownRecord (
  tenant: string, event: EventInput, { id, recordedAt }: { id: string, recordedAt: string }
): Encoded {
  checkOwnEvent(event)
  return encode({
    event, tenant, source: LEDGER_SOURCE, id, recordedAt, parts: [], keys: new Map()
  })
}

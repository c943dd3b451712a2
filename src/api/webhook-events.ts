import type { EventInput } from '../../schemas/events/index.ts'
import type { Caller } from './auth.ts'
import { actorOf } from './own-events.ts'
import type { WebhookRecord } from './webhook-store.ts'

type Change = 'created' | 'updated' | 'deleted' | 'rotated'
type Configured = Pick<WebhookRecord, 'url' | 'filter' | 'enabled' | 'position'>

const OPERATIONS = {
  created: 'create', updated: 'update', deleted: 'delete', rotated: 'update'
} as const

/** A webhook was changed by an administrator; a rotation says so and never what with. */
export function webhookEvent (
  change: Change, { before, after }: { before?: WebhookRecord, after?: WebhookRecord },
  caller: Caller
): EventInput {
  const id = after?.id ?? before?.id ?? ''
  return {
    action: change === 'rotated' ? 'ledger.webhook_updated' : `ledger.webhook_${change}`,
    category: 'change',
    actor: actorOf(caller),
    entity: { type: 'ledger_webhook', id },
    outcome: 'success',
    ...(before === undefined ? {} : { before: stateOf(before) }),
    ...(after === undefined ? {} : { after: stateOf(after) }),
    data: {
      operation: OPERATIONS[change], ...(change === 'rotated' ? { secret: 'rotated' } : {})
    }
  }
}

/** Paths and queries of receivers' addresses are often secrets, and the log keeps for ever. */
function stateOf ({ url, filter, enabled, position }: Configured): object {
  return { origin: new URL(url).origin, filter, enabled, position: String(position) }
}

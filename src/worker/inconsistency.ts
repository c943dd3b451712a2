import type { EventInput } from '../../schemas/events/index.ts'
import type { Log } from '../ledger/log.ts'
import { ownRecord } from '../ledger/own-record.ts'
import { firstOf } from '../ledger/read.ts'
import type { Fault } from '../proof/finding.ts'
import { isObject } from '../proof/leaf.ts'

/** What is wrong with a tenant's tree: nothing is signed for it until somebody has looked. */
export class Inconsistency extends Error {
  readonly tenant: string
  readonly kind: Fault
  /** The first leaf that it is about, if it is about one. */
  readonly index: bigint | undefined

  constructor (tenant: string, kind: Fault, message: string, index?: bigint) {
    super(message)
    this.name = 'Inconsistency'
    this.tenant = tenant
    this.kind = kind
    this.index = index
  }
}

/** Who found it, and the entity that it is recorded of: each has a stream of its own. */
const FINDERS = { sealer: 'tree', scrubber: 'log', witnesses: 'witnesses' } as const

export interface FoundBy {
  finder: keyof typeof FINDERS
  /** Of the event. */
  id: string
  /** Milliseconds since 1970. */
  now: number
}

/**
 * Puts it on record in the tenant's history, once: not again while it is the last thing that this
 * finder found. Throws LOG_UNAVAILABLE; if another process recorded something meanwhile, that must
 * do.
 */
export async function recordInconsistency (
  log: Log, found: Inconsistency, { finder, id, now }: FoundBy
): Promise<void> {
  const { tenant, kind, message, index } = found
  const event: EventInput = {
    action: 'ledger.inconsistency_found',
    category: 'system',
    actor: { type: 'system', id: finder },
    entity: { type: 'ledger_integrity', id: FINDERS[finder] },
    outcome: 'failure',
    data: { kind, message, ...(index === undefined ? {} : { index: String(index) }) }
  }
  const encoded = ownRecord(tenant, event, { id, recordedAt: new Date(now).toISOString() })
  const last = await firstOf(
    log.readStream(encoded.stream, { from: 'end', direction: 'backward', max: 1 }))
  const said = isObject(last?.data) && isObject(last.data['data']) ? last.data['data'] : {}
  if (said['kind'] === kind && said['message'] === message) return
  await log.append(encoded.stream, [encoded.event], last?.revision)
}

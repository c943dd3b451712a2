import { ErasureOrderedData } from '../../schemas/events/erasure.ts'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { FENCE } from '../../schemas/events/ledger.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import type { Condemned, Eraser } from '../privacy/eraser.ts'
import { decode } from './codec.ts'
import type { Log } from './log.ts'
import { streamName } from './streams.ts'

export const ORDERED = 'ledger.erasure_ordered'
/** Keys destroyed in one transaction. */
const DESTROY_MAX = 1_000

const check = TypeCompiler.Compile(ErasureOrderedData)

/** What an event orders to be erased, undefined for every other event. */
export function orderOf ({ action, data }: DecodedEvent): Condemned | undefined {
  if (action !== ORDERED || data.entity?.type !== FENCE.type) return undefined
  const ordered: unknown = data.data
  return check.Check(ordered) ? { ref: ordered.ref, erasure: ordered.erasure } : undefined
}

/** Everybody whose erasure the log orders, of one tenant. Throws LOG_UNAVAILABLE. */
export async function * ordersOf (log: Log, tenant: string): AsyncGenerator<Condemned> {
  const stream = streamName({ tenant, type: FENCE.type, key: FENCE.id })
  for await (const recorded of log.readStream(stream)) {
    const decoded = decode(recorded)
    const order = decoded.ok ? orderOf(decoded.event) : undefined
    if (order !== undefined) yield order
  }
}

/**
 * Destroys every key that the log orders destroyed, for whatever state the vault was restored to:
 * to be done before the first section is opened. Without `tenants`, for those that the vault has
 * keys of. Returns how many keys had come back. Throws
 * LOG_UNAVAILABLE; nothing may be opened then.
 */
export async function applyFence (
  log: Log, eraser: Eraser, tenants?: readonly string[]
): Promise<number> {
  let revived = 0
  for (const tenant of tenants ?? await eraser.tenants()) {
    let condemned: Condemned[] = []
    const destroy = async (): Promise<void> => {
      revived += await eraser.destroy(tenant, condemned)
      condemned = []
    }
    for await (const order of ordersOf(log, tenant)) {
      if (condemned.push(order) === DESTROY_MAX) await destroy()
    }
    if (condemned.length > 0) await destroy()
  }
  return revived
}

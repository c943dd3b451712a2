import { EPOCH_ACTION, EPOCH_ENTITY, type EpochData } from '../../schemas/epoch.ts'
import { LedgerError } from '../errors.ts'
import type { Log } from '../ledger/log.ts'
import { ownRecord } from '../ledger/own-record.ts'
import { firstOf, lastRevision } from '../ledger/read.ts'
import { streamName } from '../ledger/streams.ts'
import { isObject } from '../proof/leaf.ts'

/**
 * A tree that can no longer continue what was signed (its log lost events, or its key is lost) goes
 * on under another origin, and so as another log for everybody who kept a checkpoint: nobody is
 * shown two trees of one name.
 */
export function originOfEpoch (ledger: string, tenant: string, epoch: bigint): string {
  const origin = `${ledger}/${tenant}`
  return epoch === 1n ? origin : `${origin}/${epoch}`
}

/** Which epoch a tenant's tree is in, from 1. Throws LOG_UNAVAILABLE. */
export async function epochOf (log: Log, tenant: string): Promise<bigint> {
  return await lastRevision(log, epochStream(tenant)) + 2n
}

export interface EpochStart extends Omit<EpochData, 'epoch'> {
  tenant: string
}

/**
 * Puts the start of another epoch on record; not again if the last one was started for the same
 * reason, by an attempt that was cut off. Throws LOG_UNAVAILABLE.
 */
export async function startEpoch (
  log: Log, { tenant, ...said }: EpochStart, { id, now }: { id: string, now: number }
): Promise<void> {
  const stream = epochStream(tenant)
  const last = await firstOf(log.readStream(stream, { from: 'end', direction: 'backward', max: 1 }))
  if (isSame(last?.data, said)) return
  const { event } = ownRecord(tenant, {
    action: EPOCH_ACTION,
    category: 'system',
    actor: { type: 'system', id: 'operator' },
    entity: EPOCH_ENTITY,
    outcome: 'success',
    data: { ...said, epoch: Number(last?.revision ?? -1n) + 3 }
  }, { id, recordedAt: new Date(now).toISOString() })
  const outcome = await log.append(stream, [event], last?.revision)
  if (outcome.kind === 'appended') return
  throw new LedgerError('LOG_UNAVAILABLE', `the epoch of ${tenant} is not on record`)
}

function isSame (data: unknown, { because, reason, seen }: Omit<EpochStart, 'tenant'>): boolean {
  const known = isObject(data) && isObject(data['data']) ? data['data'] : {}
  return known['because'] === because && known['reason'] === reason && known['seen'] === seen
}

function epochStream (tenant: string): string {
  return streamName({ tenant, type: EPOCH_ENTITY.type, key: EPOCH_ENTITY.id })
}

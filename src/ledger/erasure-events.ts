import type { EventInput } from '../../schemas/events/index.ts'
import {
  HOLDS_NAMED_MAX, OLDER_MASTER_KEYS_MAX, type ErasureExecutedData, type ErasureOrderedData,
  type ErasureRequestedData, type HoldPlacedData, type HoldReleasedData, type MasterKeyDestroyedData
} from '../../schemas/events/erasure.ts'
import {
  ERASURE_TYPE, FENCE, HOLD_TYPE, LEDGER_SOURCE, MASTER_KEY
} from '../../schemas/events/ledger.ts'
import { idFromKey } from './ids.ts'

type Actor = EventInput['actor']

const LEDGER: Actor = { type: 'system', id: 'ledger' }

/**
 * The id of the only erasure that a ref can have: a second request for the same person is the
 * same erasure, however close it comes.
 */
export function erasureId (tenant: string, ref: string): string {
  return idFromKey(`erasure of ${ref}`, 0, { tenant, source: LEDGER_SOURCE })
}

/** A person is asked to be erased; the event's id follows from the erasure, as do all below. */
export function requestedEvent (
  tenant: string, actor: Actor, data: ErasureRequestedData
): EventInput {
  const id = erasureId(tenant, data.ref)
  return { ...about(tenant, ERASURE_TYPE, id, 'erasure_requested'), actor, data }
}

/** Another key than the requesting one says yes. */
export function approvedEvent (tenant: string, actor: Actor, erasure: string): EventInput {
  return { ...about(tenant, ERASURE_TYPE, erasure, 'erasure_approved'), actor, data: {} }
}

/** The fence. It lives in one stream a tenant, for a vault to find all of them quickly. */
export function orderedEvent (
  tenant: string, { id: erasure, ref }: { id: string, ref: string }, holds: readonly string[]
): EventInput {
  const data: ErasureOrderedData = {
    erasure, ref, holdsChecked: holds.length, holds: holds.slice(0, HOLDS_NAMED_MAX)
  }
  return {
    ...about(tenant, ERASURE_TYPE, erasure, 'erasure_ordered'),
    actor: LEDGER,
    entity: FENCE,
    related: [{ type: ERASURE_TYPE, id: erasure }],
    data
  }
}

/** What an erasure came to, in the rows. */
export interface Executed {
  id: string
  ref: string
  events: bigint
  firstPosition: bigint | null
  lastPosition: bigint | null
  rows: Record<string, number>
  /** The master keys that open copies of the destroyed key, if that is known; its own first. */
  masterKeys?: readonly string[] | undefined
}

/** The key is gone and the rows are changed. */
export function executedEvent (tenant: string, executed: Executed): EventInput {
  const { id, ref, events, firstPosition, lastPosition, rows, masterKeys = [] } = executed
  const [masterKey, ...olderMasterKeys] = masterKeys
  const data: ErasureExecutedData = {
    ref,
    events: Number(events),
    firstPosition: firstPosition === null ? null : String(firstPosition),
    lastPosition: lastPosition === null ? null : String(lastPosition),
    rows,
    // Of more than can be named, nobody could say later that all of them are gone.
    ...masterKey === undefined || olderMasterKeys.length > OLDER_MASTER_KEYS_MAX
      ? {}
      : { masterKey, ...olderMasterKeys.length === 0 ? {} : { olderMasterKeys } }
  }
  return { ...about(tenant, ERASURE_TYPE, id, 'erasure_executed'), actor: LEDGER, data }
}

/** The id of the event by which a tenant is told that a master key is gone. */
export function destroyedEventId (tenant: string, masterKey: string): string {
  return idFromKey(`master_key_destroyed ${masterKey}`, 0, { tenant, source: LEDGER_SOURCE })
}

/** No backup of keys that were wrapped under it can be opened any more. */
export function destroyedEvent (tenant: string, data: MasterKeyDestroyedData): EventInput {
  return {
    id: destroyedEventId(tenant, data.key),
    action: 'ledger.master_key_destroyed',
    category: 'system',
    actor: LEDGER,
    entity: MASTER_KEY,
    outcome: 'success',
    data
  }
}

/** Nothing of the scope may go. */
export function holdPlacedEvent (
  tenant: string, hold: string, said: { actor: Actor, data: HoldPlacedData }
): EventInput {
  return { ...about(tenant, HOLD_TYPE, hold, 'hold_placed'), ...said }
}

/** It may again, unless another hold forbids it. */
export function holdReleasedEvent (
  tenant: string, hold: string, said: { actor: Actor, data: HoldReleasedData }
): EventInput {
  return { ...about(tenant, HOLD_TYPE, hold, 'hold_released'), ...said }
}

function about (
  tenant: string, type: string, id: string, what: string
): Pick<EventInput, 'id' | 'action' | 'category' | 'entity' | 'outcome'> {
  return {
    id: idFromKey(`${what} ${id}`, 0, { tenant, source: LEDGER_SOURCE }),
    action: `ledger.${what}`,
    category: 'action',
    entity: { type, id },
    outcome: 'success'
  }
}

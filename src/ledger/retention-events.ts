import { HOLDS_NAMED_MAX } from '../../schemas/events/erasure.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { LEDGER_SOURCE, RETENTION_TYPE, type LedgerAction } from '../../schemas/events/ledger.ts'
import {
  gapsOf, type RetentionPolicyRevokedData, type RetentionPolicySetData, type RetentionRanData
} from '../../schemas/events/retention.ts'
import { idFromKey } from './ids.ts'

type Actor = EventInput['actor']

/** From now on rows of these events are removed when they are old enough. */
export function policySetEvent (
  tenant: string, policy: string, said: { actor: Actor, data: RetentionPolicySetData }
): EventInput {
  return { ...about(tenant, policy, 'retention_policy_set'), ...said }
}

/** They are not any more; what was removed stays so. */
export function policyRevokedEvent (
  tenant: string, policy: string, said: { actor: Actor, data: RetentionPolicyRevokedData }
): EventInput {
  return { ...about(tenant, policy, 'retention_policy_revoked'), ...said }
}

/** What a run removes, and what it went by. */
export interface Run {
  category: RetentionPolicySetData['category']
  action: string | null
  /** RFC 3339. */
  cutoff: string
  /** Ascending; at least one. */
  positions: readonly bigint[]
  /** How many events between them a hold kept. */
  held: number
  /** The holds that were active. */
  holds: readonly string[]
}

/**
 * The rows of these events go. An event goes once, so a policy's run is known by its first one:
 * two that find the same rows due say one thing.
 */
export function ranEvent (tenant: string, policy: string, run: Run): EventInput {
  const { category, action, cutoff, positions, held, holds } = run
  const [first] = positions
  const data: RetentionRanData = {
    category,
    action,
    cutoff,
    events: positions.length,
    firstPosition: String(first),
    lastPosition: String(positions.at(-1)),
    gaps: gapsOf(positions),
    held,
    holdsChecked: holds.length,
    holds: holds.slice(0, HOLDS_NAMED_MAX)
  }
  const actor: Actor = { type: 'system', id: 'ledger' }
  return { ...about(tenant, policy, 'retention_ran', `at ${first}`), actor, data }
}

function about (
  tenant: string, policy: string, what: 'retention_policy_set' | 'retention_policy_revoked' |
  'retention_ran', which = ''
): Pick<EventInput, 'id' | 'action' | 'category' | 'entity' | 'outcome'> {
  const action: LedgerAction = `ledger.${what}`
  return {
    id: idFromKey(`${what} ${policy} ${which}`, 0, { tenant, source: LEDGER_SOURCE }),
    action,
    category: 'action',
    entity: { type: RETENTION_TYPE, id: policy },
    outcome: 'success'
  }
}

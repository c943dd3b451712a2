import { TypeCompiler } from '@sinclair/typebox/compiler'
import { RETENTION_TYPE } from '../../schemas/events/ledger.ts'
import {
  RetentionPolicyRevokedData, RetentionPolicySetData
} from '../../schemas/events/retention.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { applyOwn, ownData, type OwnHandler } from '../own-data.ts'
import type { Projection, Tx } from '../projection.ts'
import { RETENTION_RAN, runOf } from './removed.ts'

const set = TypeCompiler.Compile(RetentionPolicySetData)
const revoked = TypeCompiler.Compile(RetentionPolicyRevokedData)

/** By action. */
const HANDLERS: ReadonlyMap<string, OwnHandler> = new Map([
  ['ledger.retention_policy_set', setPolicy],
  ['ledger.retention_policy_revoked', revokePolicy],
  [RETENTION_RAN, countRun]
])

/** How long rows are kept, and what was removed for it. */
export const retention: Projection = {
  name: 'retention',
  version: 1,
  tables: 'projections/retention/tables.sql',
  views: ['retention_policy'],
  apply: applyOwn(HANDLERS)
}

async function setPolicy (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = ownData(event, RETENTION_TYPE, set)
  if (said === undefined) return false
  const { tenant, entity, actor, recordedAt } = event.data
  const { category, action, age, reason, forced } = said
  await tx.query(`
    insert into retention_policy (
      tenant, id, position, category, action, age_months, age_days, reason, forced,
      set_at, set_by, set_by_name)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    on conflict do nothing`,
  [tenant, entity?.id, event.position, category, action, age.months ?? null, age.days ?? null,
    reason, forced, recordedAt, actor.id ?? '', actor.name])
  return true
}

async function revokePolicy (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = ownData(event, RETENTION_TYPE, revoked)
  if (said === undefined) return false
  const { tenant, entity, actor, recordedAt } = event.data
  await tx.query(`
    update retention_policy set revoked_at = $3, revoked_by = $4, revoked_by_name = $5,
      revoke_reason = $6
    where tenant = $1 and id = $2 and revoked_at is null`,
  [tenant, entity?.id, recordedAt, actor.id ?? '', actor.name, said.reason])
  return true
}

async function countRun (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const run = runOf(event)
  if (run === undefined) return false
  const { tenant, entity, recordedAt } = event.data
  await tx.query(`
    update retention_policy set runs = runs + 1, removed = removed + $3, last_run_at = $4,
      last_cutoff = $5
    where tenant = $1 and id = $2`,
  [tenant, entity?.id, run.events, recordedAt, run.cutoff])
  return true
}

import type { RetentionAge, RetentionPolicySetData } from '../../schemas/events/retention.ts'
import type { Page } from '../entries/select.ts'
import type { Tx } from '../projection.ts'

/** A policy as the log tells of it. Times are RFC 3339, UTC. */
export interface PolicyRecord {
  id: string
  tenant: string
  /** Orders the list: of the event that set it. */
  position: bigint
  category: RetentionPolicySetData['category']
  action: string | null
  age: RetentionAge
  reason: string
  forced: boolean
  setAt: string
  setBy: string
  setByName: string | null
  revokedAt: string | null
  revokedBy: string | null
  revokedByName: string | null
  revokeReason: string | null
  /** How often rows were removed, and of how many events. */
  runs: bigint
  removed: bigint
  lastRunAt: string | null
  lastCutoff: string | null
}

interface Row extends Omit<PolicyRecord, 'age'> {
  months: number | null
  days: number | null
}

const time = (column: string, name: string): string =>
  `to_char(p.${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "${name}"`

const POLICY = `
  p.id, p.tenant, p.position, p.category, p.action, p.age_months as months, p.age_days as days,
  p.reason, p.forced, ${time('set_at', 'setAt')}, p.set_by as "setBy",
  p.set_by_name as "setByName", ${time('revoked_at', 'revokedAt')}, p.revoked_by as "revokedBy",
  p.revoked_by_name as "revokedByName", p.revoke_reason as "revokeReason", p.runs, p.removed,
  ${time('last_run_at', 'lastRunAt')}, ${time('last_cutoff', 'lastCutoff')}`

/** A page of the tenant's policies, those set last first. */
export async function listPolicies (
  tx: Tx, filter: { active?: boolean | undefined }, page: Page
): Promise<PolicyRecord[]> {
  const { rows } = await tx.query<Row>(`
    select ${POLICY} from read.retention_policy p
    where ($1::boolean is null or (p.revoked_at is null) = $1)
      and ($2::bigint is null or p.position < $2)
    order by p.position desc limit $3`,
  [filter.active ?? null, page.before ?? null, page.limit])
  return rows.map(recordOf)
}

/** One policy of the tenant, undefined if there is none (yet). */
export async function findPolicy (
  tx: Tx, tenant: string, id: string
): Promise<PolicyRecord | undefined> {
  const { rows: [row] } = await tx.query<Row>(
    `select ${POLICY} from read.retention_policy p where p.tenant = $1 and p.id = $2`,
    [tenant, id])
  return row && recordOf(row)
}

/** Every policy that is not revoked, for who sees all tenants; the oldest first. */
export async function activePolicies (tx: Tx): Promise<Array<{ tenant: string, id: string }>> {
  const { rows } = await tx.query<{ tenant: string, id: string }>(`
    select p.tenant, p.id from read.retention_policy p
    where p.revoked_at is null order by p.tenant, p.position`)
  return rows
}

function recordOf ({ months, days, ...row }: Row): PolicyRecord {
  return {
    ...row,
    position: BigInt(row.position),
    runs: BigInt(row.runs),
    removed: BigInt(row.removed),
    age: months === null ? { days: days ?? 0 } : { months }
  }
}

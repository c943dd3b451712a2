import type { ErasureExecutedData } from '../../schemas/events/erasure.ts'
import { uuidColumn } from '../columns.ts'
import type { Page } from '../entries/select.ts'
import type { Erased, Tx } from '../projection.ts'
import { HELD_BY, IS_HELD } from './holds.ts'

/** An erasure as the log tells of it. Times are RFC 3339, UTC. */
export interface ErasureRecord {
  id: string
  tenant: string
  ref: string
  /** Orders the list: of the request. */
  position: bigint
  state: 'requested' | 'ordered' | 'executed'
  subjectType: string
  legalBasis: string
  reason: string
  recipients: string[]
  requestedAt: string
  requestedBy: string
  requestedByName: string | null
  notBefore: string
  needsApproval: boolean
  approvedAt: string | null
  approvedBy: string | null
  approvedByName: string | null
  orderedAt: string | null
  holdsChecked: number | null
  executedAt: string | null
  result: Omit<ErasureExecutedData, 'ref'> | null
  lateEvents: bigint
  /** The master keys that open copies of the person's key, the one that wrapped it last first. */
  masterKeys: string[]
  /** When the last of them was destroyed; null until then. */
  verifiedAt: string | null
  /** Holds that forbid it now; none once it is ordered. */
  heldBy: string[]
}

interface Row extends Omit<ErasureRecord, 'recipients' | 'result'> {
  recipients: string
  result: string | null
}

const time = (column: string, name: string): string =>
  `to_char(e.${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "${name}"`

const ERASURE = `
  e.id, e.tenant, e.ref, e.position, e.state, e.subject_type as "subjectType",
  e.legal_basis as "legalBasis", e.reason, e.recipients, ${time('requested_at', 'requestedAt')},
  e.requested_by as "requestedBy", e.requested_by_name as "requestedByName",
  ${time('not_before', 'notBefore')}, e.needs_approval as "needsApproval",
  ${time('approved_at', 'approvedAt')}, e.approved_by as "approvedBy",
  e.approved_by_name as "approvedByName", ${time('ordered_at', 'orderedAt')},
  e.holds_checked as "holdsChecked", ${time('executed_at', 'executedAt')}, e.result,
  e.late_events as "lateEvents", e.master_keys as "masterKeys",
  (select to_char(max(k.destroyed_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    from read.destroyed_master_key k where k.tenant = e.tenant and k.id = any(e.master_keys)
    having count(*) = cardinality(e.master_keys)) as "verifiedAt",
  case when e.state = 'requested' then ${HELD_BY} else '{}' end as "heldBy"`

/** A page of the tenant's erasures, or of a person's (by any ref); those requested last first. */
export async function listErasures (
  tx: Tx, filter: { state?: string | undefined, refs?: readonly string[] | undefined },
  page: Page
): Promise<ErasureRecord[]> {
  const { rows } = await tx.query<Row>(`
    select ${ERASURE} from read.erasure e
    where ($1::text is null or e.state = $1) and ($2::bigint is null or e.position < $2)
      and ($4::uuid[] is null or e.ref = any($4))
    order by e.position desc limit $3`,
  [filter.state ?? null, page.before ?? null, page.limit, filter.refs ?? null])
  return rows.map(recordOf)
}

/** One erasure of the tenant, undefined if there is none (yet). */
export async function findErasure (tx: Tx, id: string): Promise<ErasureRecord | undefined> {
  const { rows: [row] } = await tx.query<Row>(
    `select ${ERASURE} from read.erasure e where e.id = $1`, [id])
  return row && recordOf(row)
}

/** An erasure that can go on. */
export interface OpenErasure {
  id: string
  ref: string
}

/**
 * Erasures of the tenant that may be ordered now: approved where that is needed, past their
 * cooling-off time, and not held. Those that are held take nobody's place.
 */
export async function dueErasures (
  tx: Tx, tenant: string, { now, limit }: { now: string, limit: number }
): Promise<OpenErasure[]> {
  const { rows } = await tx.query<OpenErasure>(`
    select e.id, e.ref from read.erasure e
    where e.tenant = $1 and e.state = 'requested' and e.not_before <= $2::timestamptz
      and (not e.needs_approval or e.approved_at is not null) and not ${IS_HELD}
    order by e.position limit $3`, [tenant, now, limit])
  return rows
}

/** Those of the refs whose erasure is requested, and held. */
export async function heldAmong (
  tx: Tx, tenant: string, refs: readonly string[]
): Promise<string[]> {
  const { rows } = await tx.query<{ ref: string }>(`
    select e.ref from read.erasure e
    where e.tenant = $1 and e.ref = any($2::uuid[]) and e.state = 'requested' and ${IS_HELD}`,
  [tenant, uuidColumn(refs)])
  return rows.map(({ ref }) => ref)
}

/** What an ordered erasure came to in the rows. */
export interface OrderedErasure {
  id: string
  ref: string
  events: bigint
  firstPosition: bigint | null
  lastPosition: bigint | null
  rows: Record<string, number>
}

/** Erasures of the tenant whose order is in the rows, and that are not told executed. */
export async function orderedErasures (
  tx: Tx, tenant: string, limit: number
): Promise<OrderedErasure[]> {
  const { rows } = await tx.query<OrderedErasure>(`
    select e.id, e.ref, coalesce(cardinality(c.positions), 0)::bigint as events,
      c.positions[1] as "firstPosition",
      c.positions[cardinality(c.positions)] as "lastPosition", coalesce(c.rows, '{}') as rows
    from read.erasure e
    join control.erased c on c.tenant = e.tenant and c.ref = e.ref
    where e.tenant = $1 and e.state = 'ordered' order by e.position limit $2`, [tenant, limit])
  return rows
}

/** The tenants that have an erasure which is not executed, for who sees all of them. */
export async function tenantsWithErasures (tx: Tx): Promise<string[]> {
  const { rows } = await tx.query<{ tenant: string }>(
    "select distinct tenant from read.erasure where state <> 'executed' order by tenant")
  return rows.map(({ tenant }) => tenant)
}

/** Those of the refs whose persons were ordered erased, by which erasure and when. */
export async function erasedAmong (
  tx: Tx, refs: readonly string[]
): Promise<Array<Pick<Erased, 'ref' | 'erasure' | 'at'>>> {
  const { rows } = await tx.query<Pick<Erased, 'ref' | 'erasure' | 'at'>>(`
    select e.ref, e.erasure, ${time('ordered_at', 'at')}
    from control.erased e where e.ref = any($1::uuid[])`, [refs])
  return rows
}

function recordOf ({ recipients, result, ...row }: Row): ErasureRecord {
  return {
    ...row,
    position: BigInt(row.position),
    lateEvents: BigInt(row.lateEvents),
    recipients: JSON.parse(recipients),
    result: result === null ? null : JSON.parse(result)
  }
}

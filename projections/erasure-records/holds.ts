import type { HoldScope } from '../../schemas/events/erasure.ts'
import type { Page } from '../entries/select.ts'
import type { Tx } from '../projection.ts'

/** A hold as the log tells of it. Times are RFC 3339, UTC. */
export interface HoldRecord {
  id: string
  /** Orders the list: of the event that placed it. */
  position: bigint
  scope: HoldScope
  reason: string
  until: string | null
  placedAt: string
  placedBy: string
  placedByName: string | null
  releasedAt: string | null
  releasedBy: string | null
  releasedByName: string | null
  releaseReason: string | null
  /** Neither released nor past its time. */
  active: boolean
}

const ACTIVE = 'h.released_at is null and (h.until is null or h.until > clock_timestamp())'

/** The holds that forbid an erasure `e`: on everything, the person, or what they are in. */
const HOLDS = `from read.hold h
  where h.tenant = e.tenant and ${ACTIVE} and (
    h.kind = 'tenant'
    or h.kind = 'subject' and e.ref::text = any(h.scope_keys)
    or h.kind = 'entity' and (e.ref::text = any(h.scope_keys) or exists (
      select from read.entity_trail t
      join read.user_feed f on f.tenant = t.tenant and f.position = t.position
      where t.tenant = h.tenant and t.entity_type = h.scope_type
        and t.entity_key = any(h.scope_keys)
        and f.ref = e.ref)))`

/** Their ids. */
export const HELD_BY = `array(select h.id::text ${HOLDS} order by h.id)`

/** Whether there is one. */
export const IS_HELD = `exists (select ${HOLDS})`

/**
 * SQL over an entry with the alias `e`: whether a hold forbids to remove it. It belongs to a held
 * entity's trail, names a held person, or everything is held.
 */
export const HELD_ENTRY = `exists (
  select from read.hold h
  where h.tenant = e.tenant and ${ACTIVE} and (
    h.kind = 'tenant'
    or h.kind = 'subject' and exists (
      select from read.user_feed f
      where f.tenant = e.tenant and f.ref::text = any(h.scope_keys) and f.position = e.position)
    or h.kind = 'entity' and exists (
      select from read.entity_trail t
      where t.tenant = e.tenant and t.entity_type = h.scope_type
        and t.entity_key = any(h.scope_keys) and t.position = e.position)))`

/** Ids of the holds that forbid to erase the person with this ref. */
export async function heldBy (tx: Tx, tenant: string, ref: string): Promise<string[]> {
  const { rows: [row] } = await tx.query<{ held: string[] }>(
    `select ${HELD_BY} as held from (select $1::text as tenant, $2::uuid as ref) e`, [tenant, ref])
  return row?.held ?? []
}

/** Ids of all holds of the tenant that are active. */
export async function activeHolds (tx: Tx, tenant: string): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `select h.id from read.hold h where h.tenant = $1 and ${ACTIVE} order by h.position`, [tenant])
  return rows.map(({ id }) => id)
}

/** Whether a hold on everything of the tenant is active. */
export async function isAllHeld (tx: Tx, tenant: string): Promise<boolean> {
  const { rows } = await tx.query(
    `select from read.hold h where h.tenant = $1 and h.kind = 'tenant' and ${ACTIVE} limit 1`,
    [tenant])
  return rows.length > 0
}

interface Row extends Omit<HoldRecord, 'scope'> {
  kind: HoldScope['kind']
  type: string
  keys: string[]
}

const time = (column: string, name: string): string =>
  `to_char(h.${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "${name}"`

const HOLD = `
  h.id, h.position, h.kind, h.scope_type as type, h.scope_keys as keys, h.reason,
  ${time('until', 'until')}, ${time('placed_at', 'placedAt')}, h.placed_by as "placedBy",
  h.placed_by_name as "placedByName", ${time('released_at', 'releasedAt')},
  h.released_by as "releasedBy", h.released_by_name as "releasedByName",
  h.release_reason as "releaseReason", ${ACTIVE} as active`

/** A page of the tenant's holds, or of those on a person (by any ref); those placed last first. */
export async function listHolds (
  tx: Tx, filter: { active?: boolean | undefined, refs?: readonly string[] | undefined },
  page: Page
): Promise<HoldRecord[]> {
  const { rows } = await tx.query<Row>(`
    select ${HOLD} from read.hold h
    where ($1::boolean is null or (${ACTIVE}) = $1) and ($2::bigint is null or h.position < $2)
      and ($4::text[] is null or h.scope_keys && $4)
    order by h.position desc limit $3`,
  [filter.active ?? null, page.before ?? null, page.limit, filter.refs ?? null])
  return rows.map(recordOf)
}

/** How many holds there are or were on a person (by any of the refs). */
export async function countHolds (tx: Tx, refs: readonly string[]): Promise<number> {
  const { rows: [row] } = await tx.query<{ count: bigint }>(
    'select count(*) from read.hold h where h.scope_keys && $1::text[]', [refs])
  return Number(row?.count ?? 0)
}

/** One hold of the tenant, undefined if there is none (yet). */
export async function findHold (tx: Tx, id: string): Promise<HoldRecord | undefined> {
  const { rows: [row] } = await tx.query<Row>(
    `select ${HOLD} from read.hold h where h.id = $1`, [id])
  return row && recordOf(row)
}

function recordOf ({ kind, type, keys: [key = '', ...others], ...row }: Row): HoldRecord {
  const rest = others.length === 0 ? {} : { others }
  const scope: HoldScope = kind === 'tenant'
    ? { kind }
    : kind === 'subject' ? { kind, type, ref: key, ...rest } : { kind, type, key, ...rest }
  return { ...row, position: BigInt(row.position), scope }
}

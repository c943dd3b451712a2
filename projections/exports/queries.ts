import type { ExportFormat, RecordedFilter } from '../../schemas/events/export.ts'
import { textColumn } from '../columns.ts'
import type { Page } from '../entries/select.ts'
import type { Tx } from '../projection.ts'

/** Who did it: a key. */
interface By {
  id: string
  name: string | null
}

/** What an export came to when it was last prepared. */
export interface Prepared {
  at: string
  events: number
  bytes: number
  sha256: string
  /** Changes of the tenant's rows that it reflects, see countChanges. */
  changes: number
}

/** An export as the log tells of it. Times are RFC 3339, UTC. */
export interface ExportRecord {
  id: string
  /** Orders the list: of the request. */
  position: bigint
  format: ExportFormat
  filters: RecordedFilter
  upTo: bigint
  /** Of a bundle: the size of its signed tree. */
  checkpoint: bigint | null
  /** Of a bundle: the size of the earlier tree that it is shown to continue. */
  continues: bigint | null
  requestedAt: string
  requestedBy: By
  expiresAt: string
  prepared: Prepared | undefined
  downloads: number
  downloadedAt: string | null
  downloadedBy: By[]
  deletedAt: string | null
}

interface Row {
  id: string
  position: bigint
  format: ExportFormat
  filters: string
  upTo: bigint
  checkpoint: bigint | null
  continues: bigint | null
  requestedAt: string
  requestedBy: string
  requestedByName: string | null
  expiresAt: string
  preparedAt: string | null
  events: bigint | null
  bytes: bigint | null
  sha256: string | null
  changes: bigint | null
  downloads: bigint
  downloadedAt: string | null
  downloadedBy: By[]
  deletedAt: string | null
}

const time = (column: string, name: string): string =>
  `to_char(x.${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "${name}"`

const EXPORT = `
  x.id, x.position, x.format, x.filters, x.up_to as "upTo", x.checkpoint, x.continues,
  ${time('requested_at', 'requestedAt')}, x.requested_by as "requestedBy",
  x.requested_by_name as "requestedByName", ${time('expires_at', 'expiresAt')},
  ${time('prepared_at', 'preparedAt')}, x.events, x.bytes, x.sha256, x.changes, x.downloads,
  ${time('downloaded_at', 'downloadedAt')}, x.downloaded_by as "downloadedBy",
  ${time('deleted_at', 'deletedAt')}`

/** A page of the tenant's exports, those requested last first. */
export async function listExports (tx: Tx, page: Page): Promise<ExportRecord[]> {
  const { rows } = await tx.query<Row>(`
    select ${EXPORT} from read.export x where $1::bigint is null or x.position < $1
    order by x.position desc limit $2`, [page.before ?? null, page.limit])
  return rows.map(recordOf)
}

/** One export of the tenant, undefined if there is none (yet). */
export async function findExport (tx: Tx, id: string): Promise<ExportRecord | undefined> {
  const { rows: [row] } = await tx.query<Row>(
    `select ${EXPORT} from read.export x where x.id = $1`, [id])
  return row && recordOf(row)
}

/** How many exports of the tenant are neither deleted nor past their time (RFC 3339, UTC). */
export async function countKept (tx: Tx, now: string): Promise<number> {
  const { rows: [row] } = await tx.query<{ count: bigint }>(
    `select count(*) as count from read.export x
     where x.deleted_at is null and x.expires_at > $1::timestamptz`, [now])
  return Number(row?.count ?? 0)
}

/**
 * Exports in clear that were prepared and may show an event of [from, before): those requested
 * last first. Bundles hold personal data sealed only, and are left out.
 */
export async function exportsShowing (
  tx: Tx, { from, before, limit }: { from: bigint, before: bigint, limit: number }
): Promise<ExportRecord[]> {
  const { rows } = await tx.query<Row>(`
    select ${EXPORT} from read.export x
    where x.format <> 'bundle' and x.prepared_at is not null and x.up_to >= $1 and x.position < $2
    order by x.position desc limit $3`, [from, before, limit])
  return rows.map(recordOf)
}

/**
 * How often what earlier events show was changed for the tenant: by the erasure of a person, or by
 * a retention run. The number moves in the transaction that changes the rows.
 */
export async function countChanges (tx: Tx): Promise<number> {
  const { rows: [row] } = await tx.query<{ count: bigint }>(COUNT_CHANGES)
  return Number(row?.count ?? 0)
}

const COUNT_CHANGES = {
  name: 'count_changes',
  text: `select (select count(*) from control.erased) +
    (select coalesce(sum(p.runs), 0)::bigint from read.retention_policy p) as count`
}

const ERASED_AMONG = {
  name: 'erased_among',
  text: `
    select ref::text as ref from control.erased
    where tenant = current_setting('ledger.tenant') and ref = any($1::text[]::uuid[])
      and position <= $2`
}

/** Which of these refs are of persons whom the log orders to be erased, up to a position. */
export async function erasedAmong (
  tx: Tx, refs: readonly string[], upTo: bigint
): Promise<Set<string>> {
  const { rows } = await tx.query<{ ref: string }>(ERASED_AMONG, [textColumn(refs), upTo])
  return new Set(rows.map(({ ref }) => ref))
}

function recordOf (row: Row): ExportRecord {
  const { requestedBy, requestedByName, preparedAt, sha256 } = row
  const prepared = preparedAt === null || sha256 === null
    ? undefined
    : {
        at: preparedAt,
        sha256,
        events: Number(row.events),
        bytes: Number(row.bytes),
        changes: Number(row.changes)
      }
  return {
    id: row.id,
    position: BigInt(row.position),
    format: row.format,
    filters: JSON.parse(row.filters),
    upTo: BigInt(row.upTo),
    checkpoint: row.checkpoint === null ? null : BigInt(row.checkpoint),
    continues: row.continues === null ? null : BigInt(row.continues),
    requestedAt: row.requestedAt,
    requestedBy: { id: requestedBy, name: requestedByName },
    expiresAt: row.expiresAt,
    prepared,
    downloads: Number(row.downloads),
    downloadedAt: row.downloadedAt,
    downloadedBy: row.downloadedBy,
    deletedAt: row.deletedAt
  }
}

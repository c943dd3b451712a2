import type { TenantSettings } from '../../schemas/tenant.ts'
import { LedgerError } from '../errors.ts'
import { isDuplicate } from '../postgres/errors.ts'
import type { Tx } from '../postgres/transaction.ts'

export interface TenantRecord {
  id: string
  settings: TenantSettings
  createdAt: Date
}

const COLUMNS = 'name as id, settings, created_at as "createdAt"'

/** Every tenant that the transaction may see, by name. */
export async function readTenants (tx: Tx): Promise<TenantRecord[]> {
  const { rows } = await tx.query<TenantRecord>(
    `select ${COLUMNS} from control.tenant order by name limit 10000`)
  return rows
}

/** A tenant that the transaction may see. Throws NOT_FOUND. */
export async function readTenant (tx: Tx, id: string): Promise<TenantRecord> {
  const { rows } = await tx.query<TenantRecord>(
    `select ${COLUMNS} from control.tenant where name = $1`, [id])
  return only(rows)
}

/** Makes a tenant. Throws ALREADY_EXISTS. */
export async function insertTenant (
  tx: Tx, id: string, settings: TenantSettings
): Promise<TenantRecord> {
  try {
    const { rows } = await tx.query<TenantRecord>(
      `insert into control.tenant (name, settings) values ($1, $2) returning ${COLUMNS}`,
      [id, settings])
    return only(rows)
  } catch (err) {
    if (!isDuplicate(err)) throw err
    throw new LedgerError('ALREADY_EXISTS', `There is a tenant ${id}`)
  }
}

/** Replaces the members that are given, and tells what was there before. Throws NOT_FOUND. */
export async function mergeSettings (
  tx: Tx, id: string, settings: TenantSettings
): Promise<{ before: TenantRecord, after: TenantRecord }> {
  const { rows } = await tx.query<TenantRecord>(
    `select ${COLUMNS} from control.tenant where name = $1 for update`, [id])
  const before = only(rows)
  const changed = await tx.query<TenantRecord>(
    `update control.tenant set settings = settings || $2 where name = $1 returning ${COLUMNS}`,
    [id, settings])
  return { before, after: only(changed.rows) }
}

function only (rows: readonly TenantRecord[]): TenantRecord {
  const [row] = rows
  if (row === undefined) throw new LedgerError('NOT_FOUND', 'There is no such tenant')
  return row
}

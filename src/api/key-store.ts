import type { Role } from '../../schemas/http/api-keys.ts'
import { LedgerError } from '../errors.ts'
import { codeOf, isDuplicate } from '../postgres/errors.ts'
import type { Pool } from '../postgres/pool.ts'
import type { Tx } from '../postgres/transaction.ts'

/** A key as it is kept: its hash instead of its secret, times in milliseconds since 1970. */
export interface KeyRecord {
  id: string
  /** null: a key of the server. */
  tenant: string | null
  name: string
  roles: Role[]
  secretHash: Buffer
  /** The random ref of the user whom a `self` key may read. */
  subjectRef: string | null
  createdAt: Date
  expiresAt: Date | null
  supersededAt: Date | null
  revokedAt: Date | null
  lastUsedAt: Date | null
}

/** What a new key is made of. */
export type NewKeyRecord =
  Pick<KeyRecord, 'id' | 'tenant' | 'name' | 'roles' | 'secretHash' | 'subjectRef' | 'expiresAt'> &
  { replaces?: string }

/** SQLSTATE of a reference to a row that is not there. */
const FOREIGN_KEY = '23503'

const COLUMNS = `id, tenant, name, roles, secret_hash as "secretHash",
  subject_ref as "subjectRef", created_at as "createdAt", expires_at as "expiresAt",
  superseded_at as "supersededAt", revoked_at as "revokedAt", last_used_at as "lastUsedAt"`

/** The key of that id in any tenant, for authentication; undefined if there is none. */
export async function findKeyForAuth (pool: Pool, id: string): Promise<KeyRecord | undefined> {
  const { rows } = await pool.query<KeyRecord>({
    name: 'key_for_auth', text: `select ${COLUMNS} from control.api_key_for_auth($1)`, values: [id]
  })
  return rows[0]
}

/** Notes that the key was used; at most one write a minute comes of it. */
export async function touchKey (pool: Pool, id: string): Promise<void> {
  await pool.query('select control.touch_api_key($1)', [id])
}

/** Keys of a tenant (null: of the server), revoked ones too, the newest first. */
export async function listKeys (tx: Tx, tenant: string | null): Promise<KeyRecord[]> {
  const { rows } = await tx.query<KeyRecord>(
    `select ${COLUMNS} from control.api_key where tenant is not distinct from $1
     order by created_at desc, id limit 1000`, [tenant])
  return rows
}

/** A key that the transaction may see, locked until its end. Throws NOT_FOUND. */
export async function lockKey (tx: Tx, id: string): Promise<KeyRecord> {
  const { rows } = await tx.query<KeyRecord>(
    `select ${COLUMNS} from control.api_key where id = $1 for update`, [id])
  const [key] = rows
  if (key === undefined) throw new LedgerError('NOT_FOUND', 'There is no such key')
  return key
}

/** The id of the key that has the name now, undefined if none has. */
export async function findCurrentKey (
  tx: Tx, tenant: string | null, name: string
): Promise<string | undefined> {
  const { rows } = await tx.query<{ id: string }>(
    `select id from control.api_key
     where tenant is not distinct from $1 and name = $2
       and revoked_at is null and superseded_at is null`, [tenant, name])
  return rows[0]?.id
}

/** Keeps a new key. Throws ALREADY_EXISTS if a current key has the name, NOT_FOUND of a tenant. */
export async function insertKey (tx: Tx, key: NewKeyRecord): Promise<KeyRecord> {
  try {
    const { rows } = await tx.query<KeyRecord>(
      `insert into control.api_key
         (id, tenant, name, roles, secret_hash, subject_ref, expires_at, replaces)
       values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${COLUMNS}`,
      [key.id, key.tenant, key.name, key.roles, key.secretHash, key.subjectRef, key.expiresAt,
        key.replaces ?? null])
    const [row] = rows
    if (row === undefined) throw new LedgerError('INTERNAL', 'no row came of an insert')
    return row
  } catch (err) {
    if (codeOf(err) === FOREIGN_KEY) throw new LedgerError('NOT_FOUND', 'There is no such tenant')
    if (!isDuplicate(err, 'api_key_current_name')) throw err
    throw new LedgerError('ALREADY_EXISTS', `A key named ${key.name} exists: rotate or revoke it`)
  }
}

/** Lets a newer key take the name over; this one ends at `endsAt`, or before if it was to. */
export async function supersedeKey (tx: Tx, id: string, endsAt: Date): Promise<void> {
  await tx.query(
    `update control.api_key set superseded_at = now(), expires_at = least(expires_at, $2)
     where id = $1`, [id, endsAt])
}

/** Ends a key now; a key revoked before keeps its first time. */
export async function revokeKey (tx: Tx, id: string): Promise<KeyRecord> {
  const { rows } = await tx.query<KeyRecord>(
    `update control.api_key set revoked_at = coalesce(revoked_at, now())
     where id = $1 returning ${COLUMNS}`, [id])
  const [key] = rows
  if (key === undefined) throw new LedgerError('NOT_FOUND', 'There is no such key')
  return key
}

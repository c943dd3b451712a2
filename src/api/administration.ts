import { changeInTenant, inTransaction, type Tx } from '../postgres/transaction.ts'
import type { Role } from '../../schemas/http/api-keys.ts'
import { SERVER_ROLES } from '../../schemas/http/api-keys.ts'
import { LedgerError } from '../errors.ts'
import { createApiKey } from './api-key.ts'
import type { Caller } from './auth.ts'
import { insertKey, lockKey, revokeKey, supersedeKey, type KeyRecord } from './key-store.ts'
import { historyOf, keyEvent, type RecordOwn } from './own-events.ts'
import type { Services } from './services.ts'
import { refusal } from './validator.ts'

/** What an administrator changes, and how that is recorded. */
export interface Administration {
  tx: Tx
  record: RecordOwn
  /** undefined: the program itself, when it starts for the first time. */
  caller: Caller | undefined
  /** Part of a new key's text. */
  keyEnvironment: string
}

/** A key and, this once, its text. */
export interface IssuedKey {
  key: KeyRecord
  text: string
}

export interface KeyWish {
  tenant: string | null
  name: string
  roles: Role[]
  subjectRef: string | null
  expiresAt: Date | null
}

/**
 * Runs a change as an administrator of the caller's own tenant, who sees nothing else, or of the
 * server. The change commits only after it was recorded in the log: what is not on record does
 * not happen. (The log may hold a change whose commit then failed; its secret was never shown.)
 */
export async function administer<T> (
  services: Services, caller: Caller, work: (admin: Administration) => Promise<T>
): Promise<T> {
  const { pool, adminPool, keyEnvironment } = services
  const record = services.ledger.recordOwn
  const run = async (tx: Tx): Promise<T> => await work({ tx, record, caller, keyEnvironment })
  return caller.tenant === undefined
    ? await inTransaction(adminPool, run)
    : await changeInTenant(pool, caller.tenant, run)
}

/** Makes a key. Throws INVALID_REQUEST for roles that such a key cannot have, ALREADY_EXISTS. */
export async function issueKey (admin: Administration, wish: KeyWish): Promise<IssuedKey> {
  requireSensible(wish)
  const { id, text, hash } = createApiKey(admin.keyEnvironment)
  const key = await insertKey(admin.tx, { ...wish, id, secretHash: hash })
  await admin.record(historyOf(key.tenant), [keyEvent('created', key, admin.caller)])
  return { key, text }
}

/** A new key in place of an old one, which ends at `endsAt`. Throws NOT_FOUND, ALREADY_EXISTS. */
export async function replaceKey (
  admin: Administration, id: string, endsAt: Date
): Promise<IssuedKey> {
  const old = await lockKey(admin.tx, id)
  if (old.revokedAt !== null) throw new LedgerError('NOT_FOUND', 'The key was revoked')
  if (old.supersededAt !== null) throw new LedgerError('ALREADY_EXISTS', 'It was rotated before')
  await supersedeKey(admin.tx, id, endsAt)
  const { id: newId, text, hash } = createApiKey(admin.keyEnvironment)
  const { tenant, name, roles, subjectRef, expiresAt } = old
  const key = await insertKey(admin.tx, {
    id: newId, tenant, name, roles, subjectRef, expiresAt, secretHash: hash, replaces: id
  })
  await admin.record(historyOf(tenant), [keyEvent('rotated', key, admin.caller)])
  return { key, text }
}

/** Ends a key now; revoking it again changes and records nothing. Throws NOT_FOUND. */
export async function endKey (admin: Administration, id: string): Promise<KeyRecord> {
  const old = await lockKey(admin.tx, id)
  if (old.revokedAt !== null) return old
  const key = await revokeKey(admin.tx, id)
  await admin.record(historyOf(key.tenant), [keyEvent('revoked', key, admin.caller)])
  return key
}

function requireSensible ({ tenant, roles, subjectRef }: KeyWish): void {
  const wrong = roles.find((role) => tenant === null
    ? !SERVER_ROLES.includes(role)
    : role === 'operator')
  if (wrong !== undefined) {
    const whose = tenant === null ? 'without a tenant' : 'of a tenant'
    throw refusal([{ pointer: '/roles', detail: `a key ${whose} cannot be ${wrong}` }])
  }
  if (roles.includes('self') !== (subjectRef !== null)) {
    throw refusal([{ pointer: '/subject', detail: 'goes together with the role self' }])
  }
}

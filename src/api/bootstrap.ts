import type { Role } from '../../schemas/http/api-keys.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction } from '../postgres/transaction.ts'
import { issueKey, replaceKey, type Administration } from './administration.ts'
import { parseApiKey, sameHash } from './api-key.ts'
import { findCurrentKey, findKeyForAuth } from './key-store.ts'
import { tenantEvent, type RecordOwn } from './own-events.ts'
import { insertTenant, readTenants } from './tenant-store.ts'

/** What the first start of a ledger works with. */
export interface BootstrapOptions {
  /** As ledger_admin. */
  adminPool: Pool
  /** `recordOwn` of the ledger: what is made here is on record like everything else. */
  record: RecordOwn
  /** Part of a new key's text, 1 to 16 of a-z0-9. */
  keyEnvironment: string
}

/** The key that there has to be. */
export interface WantedKey {
  /** null: a key of the server, which is admin or operator. */
  tenant: string | null
  name: string
  roles: Role[]
  /** The key's text as it was kept, if it was. */
  known?: string | undefined
}

/** Makes the tenant unless there is one. */
export async function ensureTenant (options: BootstrapOptions, id: string): Promise<void> {
  await administering(options, async ({ tx, record }) => {
    const tenants = await readTenants(tx)
    if (tenants.some((tenant) => tenant.id === id)) return
    const { settings } = await insertTenant(tx, id, {})
    await record(id, [tenantEvent(id, { after: settings }, undefined)])
  })
}

/**
 * The text of a key that works: the known one if it does, else a new one. A current key of the
 * name whose text is lost is rotated out at once: nobody has it any more. May be repeated.
 */
export async function ensureKey (options: BootstrapOptions, wanted: WantedKey): Promise<string> {
  const { tenant, name, roles, known } = wanted
  if (known !== undefined && await works(options.adminPool, known)) return known
  const { text } = await administering(options, async (admin) => {
    const lost = await findCurrentKey(admin.tx, tenant, name)
    return lost === undefined
      ? await issueKey(admin, { tenant, name, roles, subjectRef: null, expiresAt: null })
      : await replaceKey(admin, lost, new Date())
  })
  return text
}

async function works (pool: Pool, text: string): Promise<boolean> {
  const parsed = parseApiKey(text.trim())
  const key = parsed && await findKeyForAuth(pool, parsed.id)
  return key !== undefined && sameHash(key.secretHash, parsed?.hash ?? Buffer.alloc(0)) &&
    key.revokedAt === null && (key.expiresAt === null || key.expiresAt.getTime() > Date.now())
}

async function administering<T> (
  { adminPool, record, keyEnvironment }: BootstrapOptions,
  work: (admin: Administration) => Promise<T>
): Promise<T> {
  return await inTransaction(adminPool, async (tx) => {
    return await work({ tx, record, caller: undefined, keyEnvironment })
  })
}

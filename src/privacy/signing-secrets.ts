import { randomBytes, randomUUID } from 'node:crypto'
import { LedgerError } from '../errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction } from '../postgres/transaction.ts'
import type { MasterKey } from './master-key.ts'
import { unwrapRow } from './vault-store.ts'

/** The secrets that webhooks sign with, wrapped in the vault like everybody's keys. */
export interface SigningSecrets {
  /** A new random one, and the id to find it by. Throws VAULT_KEY_INVALID. */
  make (): Promise<{ id: string, secret: Buffer }>
  /** Those of these ids. Throws NOT_FOUND if one is missing, VAULT_KEY_INVALID. */
  open (ids: readonly string[]): Promise<Buffer[]>
  /** Forgets those of these ids for ever. */
  drop (ids: readonly string[]): Promise<void>
}

/** Standard Webhooks asks for 24 to 64; key wrap takes multiples of 8. */
const SECRET_BYTES = 32
/** A secret never changes under its id, so whoever signs often asks once. */
const KNOWN_MAX = 1_000

/** Over the vault's own pool, as ledger_vault. */
export function createSigningSecrets (
  { pool, masterKey }: { pool: Pool, masterKey: () => Promise<MasterKey> }
): SigningSecrets {
  const known = new Map<string, Buffer>()
  const open = async (id: string): Promise<Buffer> => {
    const found = known.get(id) ?? await read(pool, await masterKey(), id)
    if (known.size >= KNOWN_MAX) known.clear()
    known.set(id, found)
    return found
  }
  return {
    async make () {
      const [id, secret] = [randomUUID(), randomBytes(SECRET_BYTES)]
      await insert(pool, await masterKey(), { id, secret })
      return { id, secret }
    },
    open: async (ids) => await Promise.all(ids.map(open)),
    async drop (ids) {
      for (const id of ids) known.delete(id)
      await pool.query('delete from vault.key where name = any($1::text[])', [ids.map(nameOf)])
    }
  }
}

/** The migrations let nothing but such names be deleted. */
function nameOf (id: string): string {
  return `webhook/${id}`
}

/**
 * Wrapped under the key that counts, even while the master key is rotated: whoever rotates waits
 * for this, or this sees which key counts.
 */
async function insert (
  pool: Pool, masterKey: MasterKey, { id, secret }: { id: string, secret: Buffer }
): Promise<void> {
  const added = await inTransaction(pool, async (tx) => {
    await tx.query('lock table vault.subject in row exclusive mode')
    const { rows: [row] } = await tx.query<{ id: string }>(
      'select id from vault.master_key where current')
    const current = row?.id ?? masterKey.id
    const key = current === masterKey.id ? masterKey : await masterKey.find?.(current)
    if (key === undefined) return false
    await tx.query(
      'insert into vault.key (name, wrapped_key, master_key_id) values ($1, $2, $3)',
      [nameOf(id), await key.wrap(secret), key.id])
    return true
  })
  if (added) return
  throw new LedgerError('VAULT_KEY_INVALID',
    'the master key was rotated and this process has the old one: give it the same key')
}

async function read (pool: Pool, masterKey: MasterKey, id: string): Promise<Buffer> {
  const { rows: [row] } = await pool.query<{ wrapped: Buffer, masterKeyId: string }>(
    'select wrapped_key as wrapped, master_key_id as "masterKeyId" from vault.key where name = $1',
    [nameOf(id)])
  if (row === undefined) throw new LedgerError('NOT_FOUND', 'the vault has no such signing secret')
  return await unwrapRow(masterKey, row)
}

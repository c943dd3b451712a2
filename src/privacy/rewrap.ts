import { LedgerError } from '../errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction } from '../postgres/transaction.ts'
import type { MasterKey } from './master-key.ts'
import { unwrapRow } from './vault-store.ts'

export interface RewrapOptions {
  /** As ledger_vault. */
  pool: Pool
  /** The key to wrap under; its `find` has those that wrapped what there is. */
  masterKey: MasterKey
  /** Told after each batch how many of how many are done. */
  onProgress?: ((done: number, total: number) => void) | undefined
  signal: AbortSignal
}

/** Keys that are wrapped anew in one statement. */
const BATCH = 500

interface Row {
  tenant: string
  ref: string
  wrapped: Buffer
  masterKeyId: string
}

/**
 * Wraps everything in the vault under the present master key, in batches, while the vault is in
 * use: both keys open meanwhile. First of all no process may wrap under another key any more, so
 * nothing is left behind. May be interrupted anywhere and goes on the next time. Returns how many
 * keys it wrapped. Throws the signal's reason, VAULT_KEY_INVALID for a key that nobody has.
 */
export async function rewrap (options: RewrapOptions): Promise<number> {
  const { pool, masterKey, onProgress, signal } = options
  await makeCurrent(pool, masterKey.id)
  const total = await countOthers(pool, masterKey.id)
  let done = 0
  while (true) {
    signal.throwIfAborted()
    const rows = await selectOthers(pool, masterKey.id)
    if (rows.length === 0) break
    await updateWrapped(pool, masterKey, rows)
    done += rows.length
    onProgress?.(done, total)
  }
  return done + await rewrapOwnKeys(pool, masterKey)
}

/** Waits for those who are adding rows; whoever comes next is told which key counts. */
async function makeCurrent (pool: Pool, id: string): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await tx.query('lock table vault.subject in share row exclusive mode')
    // The first key of all is not known here before the first rotation.
    await tx.query(`insert into vault.master_key (id, current, since, until)
      select distinct master_key_id, false, '-infinity'::timestamptz, clock_timestamp()
      from vault.key where master_key_id <> $1
      on conflict do nothing`, [id])
    await tx.query(`update vault.master_key set current = false, until = clock_timestamp()
      where current and id <> $1`, [id])
    await tx.query(`insert into vault.master_key (id, current) values ($1, true)
      on conflict (id) do update set current = true, until = null`, [id])
  })
}

/** Puts on record that nobody has these master keys any more. */
export async function masterKeysDestroyed (pool: Pool, ids: readonly string[]): Promise<void> {
  await pool.query(`update vault.master_key set destroyed_at = coalesce(destroyed_at, now())
    where id = any($1::text[])`, [ids])
}

/**
 * Throws VAULT_KEY_INVALID unless all of these are master keys that this vault once used, and uses
 * for nothing any more.
 */
export async function checkOutOfUse (pool: Pool, ids: readonly string[]): Promise<void> {
  const { rows } = await pool.query<{ id: string, used: boolean }>(`
    select m.id, m.current or exists (select from vault.subject s where s.master_key_id = m.id)
      or exists (select from vault.key k where k.master_key_id = m.id) as used
    from vault.master_key m where m.id = any($1::text[])`, [ids])
  for (const id of ids) {
    const used = rows.find((row) => row.id === id)?.used
    if (used === false) continue
    throw new LedgerError('VAULT_KEY_INVALID', used === undefined
      ? `${id} is not a key that this ledger has used`
      : `${id} is in use: there are keys that it alone opens; rotate first`)
  }
}

async function countOthers (pool: Pool, id: string): Promise<number> {
  const { rows: [row] } = await pool.query<{ count: bigint }>(
    'select count(*) from vault.subject where master_key_id <> $1', [id])
  return Number(row?.count ?? 0)
}

async function selectOthers (pool: Pool, id: string): Promise<Row[]> {
  const { rows } = await pool.query<Row>(`
    select tenant, ref, wrapped_key as wrapped, master_key_id as "masterKeyId"
    from vault.subject where master_key_id <> $1 limit $2`, [id, BATCH])
  return rows
}

async function updateWrapped (
  pool: Pool, masterKey: MasterKey, rows: readonly Row[]
): Promise<void> {
  const wrapped = await Promise.all(rows.map(async (row) =>
    await masterKey.wrap(await unwrapRow(masterKey, row))))
  await pool.query(`
    update vault.subject s set wrapped_key = n.wrapped, master_key_id = $4
    from unnest($1::text[], $2::uuid[], $3::bytea[]) as n (tenant, ref, wrapped)
    where s.tenant = n.tenant and s.ref = n.ref`,
  [rows.map(({ tenant }) => tenant), rows.map(({ ref }) => ref), wrapped, masterKey.id])
}

/** The vault's own keys; one that another process has wrapped meanwhile is the same key. */
async function rewrapOwnKeys (pool: Pool, masterKey: MasterKey): Promise<number> {
  const { rows } = await pool.query<{ name: string, wrapped: Buffer, masterKeyId: string }>(`
    select name, wrapped_key as wrapped, master_key_id as "masterKeyId"
    from vault.key where master_key_id <> $1`, [masterKey.id])
  for (const row of rows) {
    const wrapped = await masterKey.wrap(await unwrapRow(masterKey, row))
    await pool.query('update vault.key set wrapped_key = $2, master_key_id = $3 where name = $1',
      [row.name, wrapped, masterKey.id])
  }
  return rows.length
}

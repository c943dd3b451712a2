import type { Pool } from '../postgres/pool.ts'
import { inTransaction } from '../postgres/transaction.ts'
import { callAll, giveUpSilent, type Called } from './vault-calls.ts'

/** A subject to be erased, and the erasure that says so. */
export interface Condemned {
  ref: string
  erasure: string
}

/**
 * The vault's side of erasures. It works with rows alone and needs no master key: what it can do
 * is to destroy keys, never to read them.
 */
export interface Eraser {
  /** The tenants that the vault has keys of. */
  tenants (): Promise<string[]>
  /**
   * From the commit on nothing new is sealed under these refs; returns for how many milliseconds
   * the latest of them has been closed. May be repeated; refs without a row are passed over.
   */
  close (tenant: string, refs: readonly string[]): Promise<number>
  /** The refs that are closed, and not destroyed. */
  closed (tenant: string): Promise<string[]>
  /** Takes that back, unless the person came back meanwhile and has another row. */
  reopen (tenant: string, refs: readonly string[]): Promise<void>
  /** Whether every process that keeps keys says to have let go of those removed or closed. */
  forgotten (timeoutMs: number): Promise<Called>
  /** No longer waits for processes that have not answered this call. */
  giveUpSilent (call: bigint): Promise<void>
  /** Destroys the keys for good: no row with such a ref is ever taken again. Returns how many. */
  destroy (tenant: string, condemned: readonly Condemned[]): Promise<number>
  /**
   * Ref -> the master keys that open a copy of its destroyed key, where that is known: the one
   * that wrapped it last, then those before which still existed when it was destroyed.
   */
  wrappedUnder (tenant: string, refs: readonly string[]): Promise<ReadonlyMap<string, string[]>>
}

/** An eraser over the vault's rows; the pool works as ledger_vault. */
export function createEraser (pool: Pool): Eraser {
  return {
    async tenants () {
      // One step of an index for each tenant, however many persons it has.
      const { rows } = await pool.query<{ tenant: string }>(`
        with recursive known as (
          (select tenant from vault.subject order by tenant limit 1)
          union all
          select (select s.tenant from vault.subject s where s.tenant > known.tenant
            order by s.tenant limit 1)
          from known where known.tenant is not null)
        select tenant from known where tenant is not null`)
      return rows.map(({ tenant }) => tenant)
    },
    async close (tenant, refs) {
      const { rows: [row] } = await pool.query<{ ms: number }>(`
        with closed as (
          update vault.subject set closed_at = coalesce(closed_at, clock_timestamp())
          where tenant = $1 and ref = any($2::uuid[])
          returning closed_at)
        select coalesce(extract(epoch from clock_timestamp() - max(closed_at)) * 1000,
          'Infinity')::float8 as ms from closed`, [tenant, refs])
      return row?.ms ?? Infinity
    },
    async closed (tenant) {
      const { rows } = await pool.query<{ ref: string }>(
        'select ref from vault.subject where tenant = $1 and closed_at is not null', [tenant])
      return rows.map(({ ref }) => ref)
    },
    async reopen (tenant, refs) {
      await pool.query(`
        update vault.subject s set closed_at = null
        where tenant = $1 and ref = any($2::uuid[]) and closed_at is not null
          and not exists (select from vault.subject o
            where o.tenant = s.tenant and o.lookup = s.lookup and o.closed_at is null)`,
      [tenant, refs])
    },
    forgotten: async (timeoutMs) => await callAll(pool, timeoutMs),
    giveUpSilent: async (call) => { await giveUpSilent(pool, call) },
    destroy: async (tenant, condemned) => await destroy(pool, tenant, condemned),
    async wrappedUnder (tenant, refs) {
      const { rows } = await pool.query<{ ref: string, masterKeys: string[] }>(`
        select ref, master_keys as "masterKeys" from vault.erased
        where tenant = $1 and ref = any($2::uuid[]) and master_keys is not null`, [tenant, refs])
      return new Map(rows.map(({ ref, masterKeys }) => [ref, masterKeys]))
    }
  }
}

/** The tenants with erased persons of whose keys this master key opens copies. */
export async function tenantsErasedUnder (pool: Pool, masterKey: string): Promise<string[]> {
  const { rows } = await pool.query<{ tenant: string }>(
    'select distinct tenant from vault.erased where $1 = any(master_keys) order by tenant',
    [masterKey])
  return rows.map(({ tenant }) => tenant)
}

/**
 * Copies of a key are wrapped under whatever master key was in use since it was made and until
 * now. In order of refs, so that two that destroy the same ones do not wait for each other.
 */
async function destroy (
  pool: Pool, tenant: string, condemned: readonly Condemned[]
): Promise<number> {
  const sorted = condemned.toSorted((one, other) => one.ref < other.ref ? -1 : 1)
  const refs = sorted.map(({ ref }) => ref)
  return await inTransaction(pool, async (tx) => {
    await tx.query(`
      with locked as (
        select ref, array[s.master_key_id] || array(
          select m.id from vault.master_key m
          where m.id <> s.master_key_id and m.destroyed_at is null
            and (m.current or m.until >= s.created_at)
          order by m.since, m.id) as master_keys
        from vault.subject s
        where tenant = $1 and ref = any($2::uuid[]) order by ref for update)
      insert into vault.erased (tenant, ref, erasure, master_keys)
      select $1, c.ref, c.erasure, locked.master_keys
      from unnest($2::uuid[], $3::uuid[]) as c (ref, erasure)
      left join locked on locked.ref = c.ref
      on conflict do nothing`,
    [tenant, refs, sorted.map(({ erasure }) => erasure)])
    const { rowCount } = await tx.query(
      'delete from vault.subject where tenant = $1 and ref = any($2::uuid[])', [tenant, refs])
    return rowCount ?? 0
  })
}

import pg from 'pg'

import { isDisconnected } from './errors.ts'
import type { Pool } from './pool.ts'

/** What a transaction gives to the code inside it. */
export type Tx = Pick<pg.PoolClient, 'query'>

type Work<T> = (tx: Tx) => Promise<T>

/**
 * Runs the work in one transaction: all of it happens, or none. The error of the work is thrown
 * after the rollback; a commit that the server answered by rolling back is an error too. When the
 * connection is lost during the commit, the outcome is unknown (errors.ts, isUnavailable).
 */
export async function inTransaction<T> (pool: Pool, work: Work<T>): Promise<T> {
  return await writing(pool, 'begin', work)
}

/** The same for one tenant: only its rows can be seen and written. */
export async function changeInTenant<T> (pool: Pool, tenant: string, work: Work<T>): Promise<T> {
  return await writing(pool, `begin; ${setTenant(tenant)}`, work)
}

/**
 * Reads as one tenant: only its rows can be seen. The transaction is read only, so the result
 * stands before the commit is answered and is returned without waiting for it; on a pipelined
 * pool nothing else is waited for either, and a page costs one round trip.
 */
export async function inTenant<T> (pool: Pool, tenant: string, work: Work<T>): Promise<T> {
  return await reading(pool, async (client) =>
    await opened(client, `begin read only; ${setTenant(tenant)}`, work))
}

/**
 * Reads for several tenants in one transaction, one after the other; on a pipelined pool all of
 * it costs one round trip. The work sends its statements at once: what it sends later is read as
 * another tenant.
 */
export async function inTenants<T, Item extends { tenant: string }> (
  pool: Pool, items: readonly Item[], work: (tx: Tx, item: Item) => Promise<T>
): Promise<T[]> {
  return await reading(pool, async (client) => {
    const results: Array<Promise<T>> = []
    for (const item of items) {
      const begin = results.length === 0 ? 'begin read only; ' : ''
      const result = opened(client, begin + setTenant(item.tenant), async (tx) =>
        await work(tx, item))
      results.push(result)
      if (!client.pipeline) await result
    }
    return await Promise.all(results)
  })
}

async function reading<T> (
  pool: Pool, work: (client: pg.PoolClient) => Promise<T>
): Promise<T> {
  const client = await pool.connect()
  try {
    const result = await work(client)
    // The reader does not wait for this, and nobody but the connection depends on it.
    commit(client).catch(() => { client.release(true) })
    return result
  } catch (err) {
    await abandon(client, err)
    throw err
  }
}

async function opened<T> (client: pg.PoolClient, statement: string, work: Work<T>): Promise<T> {
  const done = client.query(statement)
  if (!client.pipeline) await done
  const [result] = await Promise.all([work(client), done])
  return result
}

/**
 * Names the tenant for row level security, until the transaction ends. It travels in one message
 * with `begin`, which takes no parameters: a third less work per page than set_config($1).
 */
function setTenant (tenant: string): string {
  if (tenant === '') throw new RangeError('a tenant has a name')
  return `set local ledger.tenant = ${pg.escapeLiteral(tenant)}`
}

/** A write waits until the transaction is open: outside of it, it would commit by itself. */
async function writing<T> (pool: Pool, opening: string, work: Work<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query(opening)
    const result = await work(client)
    await commit(client)
    return result
  } catch (err) {
    await abandon(client, err)
    throw err
  }
}

/** Commits and gives the connection back, unless the server rolled back instead. */
async function commit (client: pg.PoolClient): Promise<void> {
  const { command } = await client.query('commit')
  if (command !== 'COMMIT') throw new Error(`the server answered ${command} to a commit`)
  client.release()
}

/** Rolls back and gives the connection back, or destroys it if that is in doubt. */
async function abandon (client: pg.PoolClient, err: unknown): Promise<void> {
  if (isDisconnected(err)) {
    client.release(true)
    return
  }
  try {
    await client.query('rollback')
    client.release()
  } catch {
    client.release(true)
  }
}

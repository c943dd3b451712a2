import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { readHarness, urlOf } from '../harness.ts'

/** What is looked for in files, by name. */
export type Wanted = Record<string, readonly Buffer[]>

/**
 * How often any of the words stands in any file below the folder. A file that cannot be read is no
 * file without them: that throws, unless it has gone in the meantime.
 */
export async function bytesBelow<W extends Wanted> (
  folder: string, wanted: W
): Promise<Record<keyof W, number>> {
  const found = Object.fromEntries(Object.keys(wanted).map((name) => [name, 0]))
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const bytes = await readFile(path.join(entry.parentPath, entry.name)).catch(ifGone)
    for (const [name, words] of Object.entries(wanted)) {
      for (const word of words) if (bytes?.includes(word)) found[name] = (found[name] ?? 0) + 1
    }
  }
  return found as Record<keyof W, number>
}

function ifGone (err: NodeJS.ErrnoException): undefined {
  if (err.code !== 'ENOENT') throw err
}

export async function superuser<T> (
  databaseUrl: string, work: (client: pg.Client) => Promise<T>
): Promise<T> {
  const { superuserUrl } = await readHarness()
  const db = new pg.Client(urlOf(superuserUrl, new URL(databaseUrl).pathname.slice(1)))
  await db.connect()
  try {
    return await work(db)
  } finally {
    await db.end()
  }
}

/**
 * From now on a segment of the WAL that is of no more use is removed, and not given another name
 * with all that is in it. Until the test ends.
 */
export async function removeOldWal (t: Test, databaseUrl: string): Promise<void> {
  const tell = async (sql: string): Promise<void> => {
    await superuser(databaseUrl, async (db) => {
      await db.query(sql)
      await db.query('select pg_reload_conf()')
    })
  }
  await tell('alter system set wal_recycle = off')
  t.teardown(async () => { await tell('alter system reset wal_recycle') })
}

/** Lets Postgres let go of deleted rows: in its tables, and in its WAL up to now. */
export async function vacuum (databaseUrl: string): Promise<void> {
  await superuser(databaseUrl, async (db) => {
    await db.query('vacuum full')
    // The segment that a checkpoint begins in stays: it must not be one with anything in it.
    for (let n = 0; n < 2; n++) {
      await db.query('select pg_switch_wal()')
      await db.query('checkpoint')
    }
  })
}

export interface WrappedKey {
  ref: string
  wrapped: Buffer
}

export async function wrappedKeys (databaseUrl: string, tenant: string): Promise<WrappedKey[]> {
  return await superuser(databaseUrl, async (db) => (await db.query(
    'select ref, wrapped_key as wrapped from vault.subject where tenant = $1', [tenant])).rows)
}

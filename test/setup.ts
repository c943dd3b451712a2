/** Runs once before the tests of a run: one Postgres, and a migrated database to copy. */
import { chmod, mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'

import { startPostgres } from '../src/embedded/postgres/start.ts'
import { isRunning } from '../src/embedded/postgres/postmaster.ts'
import { migrate } from '../src/postgres/migrate.ts'
import {
  HARNESS_FILE, removeHarness, RUN_PREFIX, RUNNER, TEMPLATE, urlOf, type Harness
} from './harness.ts'

await sweep()
await start()

async function start (): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `${RUN_PREFIX}${RUNNER}-`))
  await chmod(folder, 0o755)
  const postgres = await startPostgres({
    dataDir: join(folder, 'postgres'),
    settings: {
      fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200'
    }
  })
  const { url, superuserUrl } = postgres
  const harness: Harness = { folder, url, superuserUrl }
  await writeFile(HARNESS_FILE, JSON.stringify(harness), { mode: 0o600 })
  const client = new pg.Client(postgres.superuserUrl)
  await client.connect()
  await client.query(`create database ${TEMPLATE} owner ledger`)
  await client.end()
  await migrate({ url: urlOf(postgres.url, TEMPLATE) })
}

/** Ends and removes the servers of runs that were killed before their teardown. */
async function sweep (): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const runner = new RegExp(`^${RUN_PREFIX}(\\d+)`).exec(name)?.[1]
    if (runner === undefined || isRunning(Number(runner))) continue
    await removeHarness(join(tmpdir(), name))
  }
}

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import pg from 'pg'

import { LedgerError } from '../errors.ts'
import { packageFile } from '../paths.ts'
import { CONNECT_TIMEOUT_MS } from './pool.ts'
import { ensureRoles } from './roles.ts'

export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
  /** SHA-256 of the text, in hex. */
  readonly checksum: string
}

export interface MigrateOptions {
  readonly url: string
  /** Told the name of each migration before it is applied. */
  readonly onProgress?: ((name: string) => void) | undefined
  /** Where the numbered .sql files are; the package's own if left out. */
  readonly folder?: string | undefined
}

const FOLDER = 'src/postgres/migrations'
const FILE = /^(\d{3})-[a-z0-9-]+\.sql$/
const OLDEST_SERVER = 150_000
/** Any number that nothing else in the database locks. */
const LOCK = 5_331_917_001n

/**
 * Brings the database up to date; returns the names of what was applied. One transaction each,
 * in order, whoever starts first: others wait and find nothing to do. May be repeated.
 * Throws MIGRATION_FAILED if an applied file was edited since, if the database is newer than this
 * program, if the server is older than Postgres 15, or if the login lacks rights.
 */
export async function migrate (options: MigrateOptions): Promise<string[]> {
  const client = new pg.Client({
    connectionString: options.url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'audit-ledger migrate'
  })
  client.on('error', () => {})
  await client.connect()
  try {
    await refuseOldServer(client)
    await client.query('select pg_advisory_lock($1)', [LOCK])
    return await applyAll(client, options)
  } finally {
    await client.end()
  }
}

async function applyAll (client: pg.Client, options: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(options.folder ?? packageFile(FOLDER))
  await ensureRoles(client)
  await client.query(RECORDS)
  const pending = unapplied(migrations, await readRecords(client))
  for (const migration of pending) {
    options.onProgress?.(migration.name)
    await apply(client, migration)
  }
  return pending.map((migration) => migration.name)
}

const RECORDS = `
  create schema if not exists control;
  create table if not exists control.migration (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
  )`

/** The migrations in a folder, in order. Throws if a file is misnamed or a number is missing. */
export async function readMigrations (folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).sort()
  return await Promise.all(names.map(async (file, index) => {
    const number = Number(FILE.exec(file)?.[1])
    if (number !== index + 1) throw failed(`${file} is not migration number ${index + 1}`)
    const sql = await readFile(join(folder, file), 'utf8')
    const checksum = createHash('sha256').update(sql).digest('hex')
    return { number, name: file.replace(/\.sql$/, ''), sql, checksum }
  }))
}

type Applied = Pick<Migration, 'number' | 'name' | 'checksum'>

async function readRecords (client: pg.Client): Promise<Applied[]> {
  const { rows } = await client.query<Applied>(
    'select number, name, checksum from control.migration order by number')
  return rows
}

/** What is still to do, after making sure that what was done is what the files say. */
function unapplied (migrations: readonly Migration[], records: readonly Applied[]): Migration[] {
  for (const { number, name, checksum } of records) {
    const file = migrations[number - 1]
    if (file === undefined) throw failed(`${name} was applied by a newer version of this program`)
    if (file.name !== name || file.checksum !== checksum) {
      throw failed(`${file.name} differs from ${name} as it was applied: applied migrations ` +
        'are never edited, add a new one')
    }
  }
  return migrations.slice(records.length)
}

/** The record goes first: a second runner that got past the lock would stop at it. */
async function apply (client: pg.Client, migration: Migration): Promise<void> {
  const { number, name, checksum, sql } = migration
  try {
    await client.query('begin')
    await client.query(
      'insert into control.migration (number, name, checksum) values ($1, $2, $3)',
      [number, name, checksum])
    await client.query(sql)
    await client.query('commit')
  } catch (err) {
    await client.query('rollback').catch(() => {})
    const reason = err instanceof Error ? err.message : String(err)
    throw failed(`${name}: ${reason}`, err)
  }
}

async function refuseOldServer (client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ number: number, version: string }>(
    `select current_setting('server_version_num')::int as number,
            current_setting('server_version') as version`)
  const [server] = rows
  if (server !== undefined && server.number < OLDEST_SERVER) {
    throw failed(`Postgres 15 or later is needed; this is ${server.version}`)
  }
}

function failed (message: string, cause?: unknown): LedgerError {
  return new LedgerError('MIGRATION_FAILED', message, cause === undefined ? {} : { cause })
}

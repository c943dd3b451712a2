import { setTimeout as sleep } from 'node:timers/promises'

import pg from 'pg'

import { SUPERUSER, type Passwords } from './cluster.ts'
import { hasCode } from './files.ts'

/** The role that owns the database, and the database: what DATABASE_URL would name. */
export const OWNER = 'ledger'
export const DATABASE = 'ledger'

/** A role or database that another process made a moment ago. */
const ALREADY_THERE = ['42710', '42P04', '23505']
const CANNOT_CONNECT_NOW = '57P03'
const RECOVERY_WAIT_MS = 60_000

export function connectionUrl (user: string, password: string, port: number): string {
  return `postgres://${user}:${password}@127.0.0.1:${port}/${DATABASE}`
}

/**
 * Makes the owner and the database unless they are there. The owner is no superuser and cannot
 * get around row level security; it may create the group roles that the migrations need.
 */
export async function ensureOwner (port: number, passwords: Passwords): Promise<void> {
  const client = await connect(port, passwords.superuser)
  try {
    const found = await client.query<{ role: boolean, database: boolean }>(
      `select exists (select from pg_roles where rolname = $1) as role,
              exists (select from pg_database where datname = $2) as database`,
      [OWNER, DATABASE])
    if (found.rows[0]?.role !== true) {
      await create(client, `create role ${OWNER} login noinherit nosuperuser nobypassrls createrole
        password ${client.escapeLiteral(passwords.owner)}`)
    }
    if (found.rows[0]?.database !== true) {
      await create(client, `create database ${DATABASE} owner ${OWNER}`)
    }
  } finally {
    await client.end()
  }
}

/** A server that is recovering from the crash of a backend says so: it is waited for. */
async function connect (port: number, password: string): Promise<pg.Client> {
  const giveUpAt = Date.now() + RECOVERY_WAIT_MS
  for (;;) {
    const client = new pg.Client({
      host: '127.0.0.1', port, user: SUPERUSER, password, database: 'postgres'
    })
    client.on('error', () => {})
    try {
      await client.connect()
      return client
    } catch (err) {
      await client.end().catch(() => {})
      if (!(hasCode(err, CANNOT_CONNECT_NOW) && Date.now() < giveUpAt)) throw err
      await sleep(50)
    }
  }
}

async function create (client: pg.Client, statement: string): Promise<void> {
  try {
    await client.query(statement)
  } catch (err) {
    if (!hasCode(err, ...ALREADY_THERE)) throw err
  }
}

import pg from 'pg'

import { SUPERUSER, type Passwords } from './cluster.ts'

/** The role that owns the database, and the database: what DATABASE_URL would name. */
export const OWNER = 'ledger'
export const DATABASE = 'ledger'

/** A role or database that another process made a moment ago. */
const ALREADY_THERE = new Set(['42710', '42P04', '23505'])

export function connectionUrl (user: string, password: string, port: number): string {
  return `postgres://${user}:${password}@127.0.0.1:${port}/${DATABASE}`
}

/**
 * Makes the owner and the database unless they are there. The owner is no superuser and cannot
 * get around row level security; it may create the group roles that the migrations need.
 */
export async function ensureOwner (port: number, passwords: Passwords): Promise<void> {
  const client = new pg.Client({
    host: '127.0.0.1', port, user: SUPERUSER, password: passwords.superuser, database: 'postgres'
  })
  client.on('error', () => {})
  await client.connect()
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

async function create (client: pg.Client, statement: string): Promise<void> {
  try {
    await client.query(statement)
  } catch (err) {
    if (!(err instanceof pg.DatabaseError && ALREADY_THERE.has(err.code ?? ''))) throw err
  }
}

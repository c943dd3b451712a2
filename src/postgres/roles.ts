import type pg from 'pg'

import { LedgerError } from '../errors.ts'
import { codeOf } from './errors.ts'
import type { Role } from './pool.ts'

export const ROLES: readonly Role[] = [
  'ledger_api', 'ledger_worker', 'ledger_vault', 'ledger_admin'
]

/** What any of the roles must never be: each would get around row level security. */
const HARMLESS = 'nologin nosuperuser nobypassrls nocreaterole nocreatedb'

/** Roles belong to the whole server, so another database's migration may be a moment ahead. */
const RACE = new Set(['42710', '23505', 'XX000'])
const RACE_ATTEMPTS = 5

/**
 * Makes the roles that are missing, lets the connecting login take them, and lets the worker make
 * schemas in this database. May be repeated. Throws MIGRATION_FAILED with the statements for an
 * administrator if the login may not do that, or if a role exists that gets around row level
 * security.
 */
export async function ensureRoles (client: pg.ClientBase): Promise<void> {
  try {
    for (const role of ROLES) await ensureRole(client, role)
    await allowSchemas(client)
  } catch (err) {
    if (codeOf(err) !== '42501') throw err
    throw new LedgerError('MIGRATION_FAILED', await instructions(client), { cause: err })
  }
}

async function ensureRole (client: pg.ClientBase, role: Role): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const state = await stateOf(client, role)
      if (state.exists && !state.harmless) throw dangerous(role)
      if (!state.exists) await client.query(`create role ${role} ${HARMLESS}`)
      if (!state.takable) await client.query(await grantStatement(client, role))
      return
    } catch (err) {
      if (!RACE.has(codeOf(err)) || attempt === RACE_ATTEMPTS) throw err
    }
  }
}

interface RoleState {
  readonly exists: boolean
  readonly harmless: boolean
  /** Whether the login may SET ROLE to it. */
  readonly takable: boolean
}

/** Postgres 16 tells membership that allows SET ROLE from membership that does not. */
async function stateOf (client: pg.ClientBase, role: Role): Promise<RoleState> {
  const { rows } = await client.query<RoleState>(
    `select true as exists,
            not (rolsuper or rolbypassrls or rolcanlogin) as harmless,
            pg_has_role(current_user, oid, case
              when current_setting('server_version_num')::int >= 160000 then 'set' else 'member'
            end) as takable
     from pg_roles where rolname = $1`,
    [role])
  return rows[0] ?? { exists: false, harmless: true, takable: false }
}

/** To be used by SET ROLE only: the login itself does not see what its roles may see. */
async function grantStatement (client: pg.ClientBase, role: Role): Promise<string> {
  const { rows } = await client.query<{ text: string }>(
    `select format('grant %I to %I', $1::text, current_user) || case
              when current_setting('server_version_num')::int >= 160000
              then ' with inherit false, set true' else ''
            end as text`,
    [role])
  return rows.map((row) => row.text).join()
}

async function allowSchemas (client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ allowed: boolean, database: string }>(
    `select has_database_privilege('ledger_worker', current_database(), 'create') as allowed,
            quote_ident(current_database()) as database`)
  const [state] = rows
  if (state === undefined || state.allowed) return
  await client.query(`grant create on database ${state.database} to ledger_worker`)
}

function dangerous (role: Role): LedgerError {
  return new LedgerError('MIGRATION_FAILED', `role ${role} exists, but can log in or get around ` +
    `row level security: let an administrator run "alter role ${role} ${HARMLESS};"`)
}

async function instructions (client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ login: string, database: string }>(
    'select quote_ident(current_user) as login, quote_ident(current_database()) as database')
  const [{ login, database } = { login: '?', database: '?' }] = rows
  const statements = [
    ...ROLES.map((role) => `create role ${role} ${HARMLESS};`),
    `grant ${ROLES.join(', ')} to ${login};`,
    `alter database ${database} owner to ${login};`,
    `grant create on database ${database} to ledger_worker;`
  ]
  return `login ${login} may not make the roles that the ledger works as. Let an administrator ` +
    `run this, without the lines of roles that exist:\n${statements.join('\n')}`
}

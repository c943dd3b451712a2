import { randomUUID } from 'node:crypto'

import t, { type Test } from 'tap'

import type { Pool, Role } from '../../src/postgres/pool.ts'
import { ROLES } from '../../src/postgres/roles.ts'
import {
  changeInTenant, inTenant, inTransaction, type Tx
} from '../../src/postgres/transaction.ts'
import { testDatabase } from '../helper.ts'

const db = await testDatabase(t)
const pools = new Map(ROLES.map((role) => [role, db.pool(role)]))
const owner = db.pool(undefined)

function as (role: Role): Pool {
  return pools.get(role) ?? owner
}

async function values (
  client: Pool | Tx, text: string, given: unknown[] = []
): Promise<unknown[]> {
  const query = { text, values: given, rowMode: 'array' } as const
  return (await client.query<unknown[]>(query)).rows.flat()
}

const DENIED = { code: '42501' }
const HASH = Buffer.alloc(32)

async function addKey (
  client: Pool | Tx, key: { id: string, tenant: string | null, name?: string, roles?: string[] }
): Promise<void> {
  await client.query(
    `insert into control.api_key (id, tenant, name, roles, secret_hash)
     values ($1, $2, $3, $4, $5)`,
    [key.id, key.tenant, key.name ?? key.id, key.roles ?? ['admin'], HASH])
}

await as('ledger_admin').query("insert into control.tenant (name) values ('acme'), ('umbrella')")
await addKey(as('ledger_admin'), { id: 'a1', tenant: 'acme' })
await addKey(as('ledger_admin'), { id: 'u1', tenant: 'umbrella' })
await addKey(as('ledger_admin'), { id: 's1', tenant: null })
await inTransaction(as('ledger_worker'), async (tx) => {
  await tx.query('create schema notes_1')
  await tx.query('create table notes_1.note (tenant text not null, body text not null)')
  await tx.query('create table notes_1.internal (body text)')
  await tx.query("insert into notes_1.note values ('acme', 'a'), ('umbrella', 'u'), ('', 'none')")
  await tx.query("select control.protect('notes_1')")
  await tx.query(`create view read.note with (security_invoker = true) as
    select tenant, body from notes_1.note`)
})

const SEEN = `select 'tenant' as what, name as tenant from control.tenant
  union all select 'key', tenant from control.api_key
  union all select 'note', tenant from read.note
  union all select 'table', tenant from notes_1.note`

async function seen (tx: Tx): Promise<string[]> {
  const { rows } = await tx.query<{ what: string, tenant: string }>(SEEN)
  return rows.map(({ what, tenant }) => `${what} ${tenant}`)
}

t.test('a pooled connection without a tenant sees nothing', async (t) => {
  const pool = db.pool('ledger_api', { max: 1 })
  t.same(await inTransaction(pool, seen), [], 'a fresh one')
  t.equal((await inTenant(pool, 'acme', seen)).length, 4)
  t.same(await inTransaction(pool, seen), [], 'one that served a tenant')
  await t.rejects(inTenant(pool, 'acme', async (tx) => { await tx.query('select 1/0') }))
  t.same(await inTransaction(pool, seen), [], 'one that failed for a tenant')
  await t.rejects(inTenant(pool, '', seen), { message: 'a tenant has a name' })
})

t.test('a tenant sees its own rows and no other', async (t) => {
  for (const tenant of ['acme', 'umbrella']) {
    t.same(await inTenant(as('ledger_api'), tenant, seen),
      [`tenant ${tenant}`, `key ${tenant}`, `note ${tenant}`, `table ${tenant}`])
  }
  t.same(await inTenant(as('ledger_api'), "' or ''='", seen), [])
})

t.test('a tenant writes its own keys and settings and no other', async (t) => {
  const api = as('ledger_api')
  await changeInTenant(api, 'acme', async (tx) => {
    await addKey(tx, { id: 'a2', tenant: 'acme' })
  })
  for (const tenant of ['umbrella', null]) {
    await t.rejects(changeInTenant(api, 'acme', async (tx) => {
      await addKey(tx, { id: 'x', tenant })
    }), DENIED, `for ${tenant}`)
  }
  const touched = await changeInTenant(api, 'acme', async (tx) => {
    const keys = await tx.query('update control.api_key set revoked_at = now()')
    const settings = await tx.query("update control.tenant set settings = '{}'")
    return [keys.rowCount, settings.rowCount]
  })
  t.same(touched, [2, 1])
  t.same(await values(as('ledger_admin'),
    'select id from control.api_key where revoked_at is null order by id'), ['s1', 'u1'])
  await as('ledger_admin').query('update control.api_key set revoked_at = null')
})

const FORBIDDEN: ReadonlyArray<[Role, string]> = [
  ['ledger_api', "update control.api_key set secret_hash = '\\x00'"],
  ['ledger_api', "update control.api_key set roles = '{admin}'"],
  ['ledger_api', "update control.api_key set tenant = 'umbrella'"],
  ['ledger_api', 'delete from control.api_key'],
  ['ledger_api', "insert into control.tenant (name) values ('new')"],
  ['ledger_api', 'delete from control.tenant'],
  ['ledger_api', 'truncate control.tenant cascade'],
  ['ledger_api', 'truncate control.api_key'],
  ['ledger_api', 'truncate notes_1.note'],
  ['ledger_api', "insert into notes_1.note values ('acme', 'x')"],
  ['ledger_api', "update notes_1.note set body = 'x'"],
  ['ledger_api', 'delete from read.note'],
  ['ledger_api', 'select * from notes_1.internal'],
  ['ledger_api', 'select * from control.parked'],
  ['ledger_api', 'select * from control.runner'],
  ['ledger_api', 'select * from control.migration'],
  ['ledger_api', 'update control.projection set events = 0'],
  ['ledger_api', 'update control.secret set value = null'],
  ['ledger_api', 'select * from vault.subject'],
  ['ledger_api', 'alter table notes_1.note disable row level security'],
  ['ledger_api', 'create schema mine'],
  ['ledger_api', 'create table read.mine ()'],
  ['ledger_api', "select control.protect('notes_1')"],
  ['ledger_admin', 'select * from read.note'],
  ['ledger_admin', 'select * from notes_1.note'],
  ['ledger_admin', 'select * from vault.subject'],
  ['ledger_admin', 'select * from control.secret'],
  ['ledger_admin', 'truncate control.api_key'],
  ['ledger_admin', 'delete from control.api_key'],
  ['ledger_worker', 'select * from control.api_key'],
  ['ledger_worker', 'select * from control.secret'],
  ['ledger_worker', 'update control.tenant set settings = null'],
  ['ledger_worker', 'select * from vault.subject'],
  ['ledger_worker', "select * from control.api_key_for_auth('a1')"],
  ['ledger_vault', 'select * from control.api_key'],
  ['ledger_vault', 'select * from read.note'],
  ['ledger_vault', 'truncate vault.subject']
]

t.test('what a role may not do is refused', async (t) => {
  for (const [role, statement] of FORBIDDEN) {
    await t.rejects(changeInTenant(as(role), 'acme', async (tx) => { await tx.query(statement) }),
      DENIED, `${role}: ${statement}`)
  }
})

t.test('RESET ROLE and DISCARD ALL do not leave the role', async (t) => {
  const client = await db.pool('ledger_api', { max: 1 }).connect()
  for (const statement of ['reset role', 'discard all', 'reset all']) {
    await client.query(statement)
    const { rows } = await client.query('select current_user')
    t.same(rows, [{ current_user: 'ledger_api' }], statement)
  }
  client.release()
})

t.test('the owner of the tables is bound by row level security as well', async (t) => {
  t.same(await values(owner, 'select * from control.api_key'), [])
  const unforced = await values(owner, `select c.oid::regclass::text from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant'
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname in ('control', 'vault', 'notes_1')
      and not (c.relrowsecurity and c.relforcerowsecurity)`)
  t.same(unforced, [])
})

t.test('the doors are one row or one number wide', async (t) => {
  const api = as('ledger_api')
  const key = 'select id, tenant, secret_hash from control.api_key_for_auth($1)'
  t.same(await values(api, key, ['u1']), ['u1', 'umbrella', HASH])
  t.same(await values(api, key, ['s1']), ['s1', null, HASH])
  t.same(await values(api, key, ['%']), [])
  const used = "select last_used_at from control.api_key where id = 'u1'"
  await api.query("select control.touch_api_key('u1')")
  const [first] = await values(as('ledger_admin'), used)
  t.type(first, Date)
  await api.query("select control.touch_api_key('u1')")
  t.same(await values(as('ledger_admin'), used), [first], 'to the minute')
  t.same(await values(api, 'select control.parked_count()'), [0n])
  await as('ledger_worker').query(`insert into control.parked
    (position, stream, revision, event_id, event_type, reason_code, reason)
    values (1, 's', 0, $1, 'x', 'FOREIGN', 'not ours')`, [randomUUID()])
  t.same(await values(api, 'select control.parked_count()'), [1n])
  t.same(await values(as('ledger_admin'), 'select stream from control.parked'), ['s'])
  const open = await values(owner, `select proname from pg_proc
    where pronamespace = 'control'::regnamespace and prosecdef
      and (proconfig is null or not 'search_path=pg_catalog, pg_temp' = any (proconfig))`)
  t.same(open, [], 'their search path is fixed')
})

t.test('the worker sees and writes every tenant of its read models', async (t) => {
  t.same(await values(as('ledger_worker'), 'select tenant from notes_1.note order by 1'),
    ['', 'acme', 'umbrella'])
  await inTransaction(as('ledger_worker'), async (tx) => {
    await tx.query("select control.protect('notes_1')")
    await tx.query("insert into notes_1.note select * from unnest(array['acme'], array['b'])")
    await tx.query("delete from notes_1.note where body = 'b'")
  })
  t.same(await values(as('ledger_worker'), 'select name from control.tenant order by 1'),
    ['acme', 'umbrella'])
})

async function keyError (t: Test, columns: Record<string, unknown>): Promise<string> {
  const row: Record<string, unknown> = {
    id: randomUUID(),
    tenant: 'acme',
    name: randomUUID(),
    roles: ['auditor'],
    secret_hash: HASH,
    ...columns
  }
  const names = Object.keys(row)
  try {
    const places = names.map((_, index) => `$${index + 1}`)
    await as('ledger_admin').query(
      `insert into control.api_key (${names.join()}) values (${places.join()})`, Object.values(row))
    return ''
  } catch (err) {
    return err instanceof Error && 'constraint' in err ? String(err.constraint) : String(err)
  }
}

t.test('a key that makes no sense is refused by the database', async (t) => {
  const now = new Date()
  const cases: ReadonlyArray<[Record<string, unknown>, string]> = [
    [{}, ''],
    [{ roles: ['producer', 'auditor', 'compliance', 'admin'] }, ''],
    [{ roles: ['self'], subject_ref: randomUUID() }, ''],
    [{ tenant: null, roles: ['admin', 'operator'] }, ''],
    [{ roles: [] }, 'api_key_has_known_roles'],
    [{ roles: ['root'] }, 'api_key_has_known_roles'],
    [{ roles: ['admin', null] }, 'api_key_has_known_roles'],
    [{ roles: ['self'] }, 'api_key_of_self_has_subject'],
    [{ tenant: null, roles: ['auditor'] }, 'api_key_of_server_administers'],
    [{ roles: ['operator'] }, 'api_key_of_tenant_does_not_operate'],
    [{ superseded_at: now }, 'api_key_superseded_ends'],
    [{ superseded_at: now, expires_at: now }, ''],
    [{ secret_hash: Buffer.alloc(31) }, 'api_key_secret_hash_check'],
    [{ tenant: 'nobody' }, 'api_key_tenant_fkey'],
    [{ name: '' }, 'api_key_name_check']
  ]
  for (const [columns, constraint] of cases) {
    t.equal(await keyError(t, columns), constraint, JSON.stringify(columns))
  }
})

t.test('a name has one current key per tenant, and a rotation keeps two for a while', async (t) => {
  for (const tenant of ['acme', null]) {
    const key = { tenant, roles: ['admin'], name: 'rotating' }
    const old = randomUUID()
    t.equal(await keyError(t, { ...key, id: old }), '')
    t.equal(await keyError(t, key), 'api_key_current_name')
    await as('ledger_admin').query(`update control.api_key
      set superseded_at = now(), expires_at = now() + interval '1 day' where id = $1`, [old])
    t.equal(await keyError(t, { ...key, replaces: old }), '')
    t.equal(await keyError(t, key), 'api_key_current_name')
    t.equal(await keyError(t, { ...key, name: 'other', replaces: old }), 'api_key_replaces')
    t.equal(await keyError(t, { ...key, tenant: 'umbrella', name: `same ${tenant}` }), '')
  }
})

t.test('a projection has one live generation, and the fence has one row', async (t) => {
  const worker = as('ledger_worker')
  const add = 'insert into control.projection (name, generation, version, state) values '
  await worker.query(add + "('p', 1, 1, 'live'), ('p', 2, 2, 'building'), ('q', 1, 1, 'live')")
  await t.rejects(worker.query("update control.projection set state = 'live' where generation = 2"),
    { message: /"projection_live"/ })
  t.same(await values(worker, 'update control.runner set fence = fence + 1 returning id, fence'),
    [1, 1n])
  t.same(await values(as('ledger_api'), 'select state, head_commit from control.worker_state'),
    ['stopped', null])
})

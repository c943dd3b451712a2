import { existsSync } from 'node:fs'
import { chmod, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { startPostgres } from '../../src/embedded/postgres/start.ts'
import { packageFile } from '../../src/paths.ts'
import { migrate, readMigrations } from '../../src/postgres/migrate.ts'
import { createPool, type Pool } from '../../src/postgres/pool.ts'
import { ROLES } from '../../src/postgres/roles.ts'
import { testDatabase, testFolder } from '../helper.ts'

const FOLDER = packageFile('src/postgres/migrations')
const NAMES = (await readdir(FOLDER)).sort().map((file) => file.replace('.sql', ''))

/** Migrations of the test's own, in a folder that can be changed. */
async function folderOf (t: Test, files: Record<string, string>): Promise<string> {
  const folder = await testFolder(t)
  for (const [name, sql] of Object.entries(files)) await writeFile(join(folder, name), sql)
  return folder
}

async function values (pool: Pool, sql: string): Promise<unknown[]> {
  return (await pool.query<unknown[]>({ text: sql, rowMode: 'array' })).rows.flat()
}

t.test('an empty database gets every migration once, in order, by name', async (t) => {
  const db = await testDatabase(t, 'template1')
  const progress: string[] = []
  const onProgress = (name: string): void => { progress.push(name) }
  t.same(await migrate({ url: db.url, onProgress }), NAMES)
  t.same(progress, NAMES)
  t.same(await migrate({ url: db.url, onProgress }), [])
  t.same(progress, NAMES)
  t.same(await values(db.pool(undefined), 'select name from control.migration order by number'),
    NAMES)
})

t.test('of several that start at once, each waits and nothing is done twice', async (t) => {
  const db = await testDatabase(t, 'template1')
  const four = Array.from({ length: 4 }, async () => await migrate({ url: db.url }))
  const runs = await Promise.all(four)
  t.same(runs.flat(), NAMES)
  t.same(await values(db.pool(undefined), 'select count(*) from control.migration'),
    [BigInt(NAMES.length)])
})

t.test('the server secrets are random and stay', async (t) => {
  const [one, two] = [await testDatabase(t, 'template1'), await testDatabase(t, 'template1')]
  await migrate({ url: one.url })
  await migrate({ url: two.url })
  const sql = "select encode(value, 'hex') from control.secret where name = 'cursor-signing'"
  const [first] = await values(one.pool(undefined), sql)
  t.match(first, /^[0-9a-f]{64}$/)
  t.not(first, (await values(two.pool(undefined), sql))[0])
  await migrate({ url: one.url })
  t.same(await values(one.pool(undefined), sql), [first])
})

t.test('an applied migration that was edited, renamed or is unknown is refused', async (t) => {
  const db = await testDatabase(t, 'template1')
  const [a, b] = ['create table control.a ()', 'create table control.b ()']
  const run = async (files: Record<string, string>): Promise<string[]> =>
    await migrate({ url: db.url, folder: await folderOf(t, files) })
  t.same(await run({ '001-a.sql': a, '002-b.sql': b }), ['001-a', '002-b'])
  await t.rejects(run({ '001-a.sql': a, '002-b.sql': b + ' ' }),
    { code: 'MIGRATION_FAILED', message: /^002-b differs from 002-b as it was applied/ })
  await t.rejects(run({ '001-a.sql': a, '002-c.sql': b }),
    { code: 'MIGRATION_FAILED', message: /^002-c differs from 002-b as it was applied/ })
  await t.rejects(run({ '001-a.sql': a }),
    { code: 'MIGRATION_FAILED', message: '002-b was applied by a newer version of this program' })
  t.same(await run({ '001-a.sql': a, '002-b.sql': b, '003-c.sql': 'select 1' }), ['003-c'])
})

t.test('a migration that fails is named, leaves nothing, and those before it stay', async (t) => {
  const db = await testDatabase(t, 'template1')
  const files = { '001-a.sql': 'create table control.a ()' }
  const bad = await folderOf(t, { ...files, '002-b.sql': 'create table control.b (); select 1/0' })
  await t.rejects(migrate({ url: db.url, folder: bad }),
    { code: 'MIGRATION_FAILED', message: '002-b: division by zero' })
  const owner = db.pool(undefined)
  t.same(await values(owner, `select to_regclass('control.a') is null,
    to_regclass('control.b') is null`), [false, true])
  const good = await folderOf(t, { ...files, '002-b.sql': 'create table control.b ()' })
  t.same(await migrate({ url: db.url, folder: good }), ['002-b'])
})

t.test('misnamed files and gaps in the numbers are refused', async (t) => {
  for (const name of ['002-a.sql', '1-a.sql', '001-A.sql', '001-a.txt']) {
    await t.rejects(readMigrations(await folderOf(t, { [name]: '' })),
      { code: 'MIGRATION_FAILED', message: `${name} is not migration number 1` }, name)
  }
})

t.test('a login that may not make roles is told what an administrator can run', async (t) => {
  const db = await testDatabase(t, 'template1')
  const superuser = createPool({ url: db.superuserUrl, max: 1 })
  t.teardown(async () => { await superuser.end() })
  const login = db.name + '_login'
  await superuser.query(`create role ${login} login password 'x'`)
  await superuser.query(`alter database ${db.name} owner to ${login}`)
  t.teardown(async () => {
    await superuser.query(`reassign owned by ${login} to ledger; drop owned by ${login}`)
    await superuser.query(`drop role ${login}`)
  })
  const url = db.url.replace(/\/\/[^@]*@/, `//${login}:x@`)
  const err = await migrate({ url }).catch((err: unknown) => err)
  t.match(err, { code: 'MIGRATION_FAILED', message: /may not make the roles.*\ncreate role ledger/ })
  const [, ...statements] = err instanceof Error ? err.message.split('\n') : []
  const missing = statements.filter((line) => !line.startsWith('create role'))
  t.equal(statements.length - missing.length, ROLES.length)
  await superuser.query(missing.join('\n'))
  t.same(await migrate({ url }), NAMES, 'and then it works')
})

t.test('a superuser can migrate, and owns no door through row level security', async (t) => {
  const db = await testDatabase(t, 'template1')
  t.same(await migrate({ url: db.superuserUrl }), NAMES)
  const api = createPool({ url: db.superuserUrl, role: 'ledger_api', max: 1 })
  t.teardown(async () => { await api.end() })
  t.same(await values(api, 'select current_user, count(*) from control.api_key'),
    ['ledger_api', 0n])
  t.same(await values(api, `select distinct pg_get_userbyid(proowner) from pg_proc
    where pronamespace = 'control'::regnamespace and prosecdef order by 1`),
  ['ledger_admin', 'ledger_worker'])
})

t.test('the roles can neither log in nor get around row level security', async (t) => {
  const db = await testDatabase(t)
  t.same(await values(db.pool(undefined), `select distinct rolcanlogin or rolsuper or rolbypassrls
    or rolcreaterole or rolcreatedb from pg_roles where rolname = any ('{${ROLES.join()}}')`),
  [false])
  t.same(await values(db.pool(undefined), `select count(*) from pg_auth_members
    where member in (select oid from pg_roles where rolname = any ('{${ROLES.join()}}'))`), [0n])
})

const DEBIAN_15 = '/usr/lib/postgresql/15/bin'
const without15 = { skip: !existsSync(DEBIAN_15) && 'no Postgres 15 is installed' }

t.test('Postgres 15 will do, its databases at once, and a role that can do too much will not',
  without15, async (t) => {
    const folder = await testFolder(t)
    await chmod(folder, 0o755)
    const settings = { fsync: 'off' }
    const postgres = await startPostgres({
      dataDir: join(folder, 'postgres'), binDir: DEBIAN_15, settings
    })
    t.teardown(async () => { await postgres.stop() })
    const superuser = createPool({ url: postgres.superuserUrl, max: 1 })
    await superuser.query('create role ledger_api bypassrls')
    await t.rejects(migrate({ url: postgres.url }), {
      code: 'MIGRATION_FAILED', message: /^role ledger_api exists, but can log in or get around/
    })
    await superuser.query('drop role ledger_api')
    await superuser.query('create database other owner ledger')
    await superuser.end()
    const both = [postgres.url, postgres.url.replace(/ledger$/, 'other')]
    t.same(await Promise.all(both.map(async (url) => await migrate({ url }))), [NAMES, NAMES])
    const api = createPool({ url: postgres.url, role: 'ledger_api', max: 1 })
    t.same(await values(api, "select current_user, set_config('ledger.tenant', '', false)"),
      ['ledger_api', ''])
    await api.end()
  })

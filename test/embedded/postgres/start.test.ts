import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { startPostgres } from '../../../src/embedded/postgres/start.ts'
import { testFolder } from '../../helper.ts'
import { ask, asRoot, boot, bootElsewhere, kill, openFolder } from './support.ts'

t.jobs = 2
const onlyRoot = { skip: !asRoot && 'needs root' }
const NOBODY = 65_534

t.test('a first boot makes a durable UTF-8 database owned by no superuser', async (t) => {
  const folder = await openFolder(t)
  const dataDir = join(folder, 'sub', 'postgres')
  const progress: string[] = []
  const postgres = await boot(t, { dataDir, onProgress: (message) => progress.push(message) })
  t.equal(postgres.adopted, false)
  t.same(await ask(postgres.url, `select current_user, current_database(), rolsuper, rolbypassrls,
    rolcreaterole, pg_encoding_to_char(encoding), current_setting('fsync'),
    current_setting('synchronous_commit'), current_setting('full_page_writes'),
    current_setting('data_checksums'), current_setting('listen_addresses'),
    pg_get_userbyid(datdba)
    from pg_roles, pg_database where rolname = current_user and datname = current_database()`),
  ['ledger', 'ledger', false, false, true, 'UTF8', 'on', 'on', 'on', 'on', '127.0.0.1', 'ledger'])
  t.same(await ask(postgres.superuserUrl, 'select current_user'), ['postgres'])
  t.match(progress, [/creating a Postgres \d+ database in /])
  for (const file of ['superuser-password', 'owner-password', 'log']) {
    t.equal((await stat(`${dataDir}.${file}`)).mode & 0o777, 0o600, file)
  }
  const password = new URL(postgres.url).password
  await t.rejects(ask(postgres.url.replace(password, 'x'), 'select 1'), { code: '28P01' })
  t.equal((await stat(join(dataDir, 'PG_VERSION'))).uid === 0, false, 'not run as root')
})

t.test('two first boots at once end with one server for both', async (t) => {
  const dataDir = join(await openFolder(t), 'postgres')
  const [one, two] = await Promise.all([boot(t, { dataDir }), bootElsewhere(dataDir)])
  t.equal(one.pid, two.pid)
  t.same(await ask(two.url, 'select 1'), [1])
  await kill(two.child)
})

t.test('data of another major version is refused by name', async (t) => {
  const dataDir = join(await openFolder(t), 'postgres')
  await mkdir(dataDir)
  await writeFile(join(dataDir, 'PG_VERSION'), '9\n')
  await t.rejects(startPostgres({ dataDir }),
    { message: /written by Postgres 9.*but the binaries found are: \d+ \(\/.*Install PostgreSQL 9/ })
})

t.test('a folder with other things in it is left alone', async (t) => {
  const folder = await openFolder(t)
  const dataDir = join(folder, 'postgres')
  await mkdir(dataDir)
  await writeFile(join(dataDir, 'diary.txt'), 'mine')
  await t.rejects(startPostgres({ dataDir }), { message: /is not empty, but holds no database/ })
  t.same(await readdir(dataDir), ['diary.txt'])
  t.same((await readdir(folder)).filter((name) => !name.includes('password')), ['postgres'])
})

t.test('a folder without binaries is refused by name', async (t) => {
  const folder = await openFolder(t)
  await t.rejects(startPostgres({ dataDir: join(folder, 'postgres'), binDir: folder }),
    { message: `${folder} holds no usable Postgres` })
})

t.test('what the server said is in the error when it cannot start', async (t) => {
  const dataDir = join(await openFolder(t), 'postgres')
  await t.rejects(startPostgres({ dataDir, settings: { shared_buffers: 'lots' } }),
    { message: /did not start on .*\n.*invalid value for parameter "shared_buffers"/ })
})

t.test('any locale of the environment will do', async (t) => {
  const before = { ...process.env }
  t.teardown(() => { process.env = before })
  for (const locale of ['de_DE.UTF-8', '', 'tr_TR.ISO-8859-9']) {
    process.env = { ...before, LANG: locale, LC_ALL: locale }
    const postgres = await boot(t, { dataDir: join(await openFolder(t), 'postgres') })
    t.same(await ask(postgres.url, "select upper('é'), 'ß' < 'ä', current_setting('timezone')"),
      ['É', true, 'UTC'], locale)
    await postgres.stop()
  }
})

const DEBIAN_15 = '/usr/lib/postgresql/15/bin'
const without15 = { skip: !existsSync(DEBIAN_15) && 'no Postgres 15 is installed' }

t.test('an installed Postgres serves as well', without15, async (t) => {
  const dataDir = join(await openFolder(t), 'postgres')
  const postgres = await boot(t, { dataDir, binDir: DEBIAN_15 })
  t.match(await ask(postgres.url, 'show server_version'), [/^15\./])
  await postgres.stop()
  const again = await boot(t, { dataDir })
  t.match(await ask(again.url, 'show server_version'), [/^15\./], 'found by the version of the data')
})

t.test('root puts what is closed to the server where it can be reached', onlyRoot, async (t) => {
  const folder = await testFolder(t)
  const shelterDir = join(await openFolder(t), 'shelter')
  const dataDir = join(folder, 'postgres')
  const progress: string[] = []
  const say = { onProgress: (message: string) => { progress.push(message) } }
  const first = await boot(t, { dataDir, shelterDir, ...say })
  t.match(progress, [new RegExp(`is closed to .*: its data is in ${shelterDir}/postgres-`)])
  await ask(first.url, 'create table kept as select 7 as n')
  await first.stop()
  const second = await boot(t, { dataDir, shelterDir })
  t.same(await ask(second.url, 'select n from kept'), [7])
  await second.stop()
  await rm(dataDir)
  const third = await boot(t, { dataDir, shelterDir })
  t.same(await ask(third.url, "select to_regclass('kept')"), [null], 'removing it starts afresh')
})

t.test('another user than root runs it as itself', onlyRoot, async (t) => {
  const folder = await openFolder(t)
  await chown(folder, NOBODY, NOBODY)
  const dataDir = join(folder, 'postgres')
  const other = await bootElsewhere(dataDir, { uid: NOBODY, gid: NOBODY })
  t.equal((await stat(dataDir)).uid, NOBODY)
  t.same(await ask(other.url, 'select 1'), [1])
  process.kill(other.pid, 'SIGINT')
  await kill(other.child)
})

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chown, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import t, { type Test } from 'tap'

import { isRunning, readPostmaster, serves } from '../../../src/embedded/postgres/postmaster.ts'
import { startPostgres } from '../../../src/embedded/postgres/start.ts'
import { ask, asRoot, boot, bootElsewhere, kill, openFolder } from './support.ts'

// Most of the time is waiting, for processes to end.
t.jobs = 3
const original = await openFolder(t)
await (await startPostgres({ dataDir: join(original, 'postgres') })).stop()

/** The data folder of a server that was stopped in order, copied: quicker than a first boot. */
async function dataFolder (t: Test): Promise<string> {
  const folder = await openFolder(t)
  const { status } = spawnSync('cp', ['-a', original + '/.', folder])
  t.equal(status, 0)
  return join(folder, 'postgres')
}

t.test('data survives a stop, and a stop is quick, complete and repeatable', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await boot(t, { dataDir })
  await ask(first.url, 'create table kept as select 7 as n')
  const busy = ask(first.url, 'select pg_sleep(60)').catch((err: unknown) => err)
  await sleep(200)
  const startedAt = Date.now()
  await Promise.all([first.stop(), first.stop()])
  t.ok(Date.now() - startedAt < 5_000)
  t.match(await busy, { code: /57P01|ECONNRESET/ })
  await first.exited
  t.notOk(isRunning(first.pid))
  await first.stop()
  const second = await boot(t, { dataDir })
  t.equal(second.adopted, false)
  t.same(await ask(second.url, 'select n from kept'), [7])
})

t.test('a server whose launcher was killed is adopted and can be stopped', async (t) => {
  const dataDir = await dataFolder(t)
  const other = await bootElsewhere(dataDir)
  await kill(other.child)
  t.ok(isRunning(other.pid), 'the server outlives its launcher')
  const postgres = await boot(t, { dataDir, port: 1 })
  t.equal(postgres.adopted, true)
  t.equal(postgres.pid, other.pid)
  t.equal(postgres.port, other.port, 'it keeps its port, whichever is asked for')
  t.same(await ask(postgres.url, 'select 1'), [1])
  await postgres.stop()
  await postgres.exited
  t.notOk(isRunning(other.pid))
})

t.test('a server that was killed with its backends recovers what was committed', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await bootElsewhere(dataDir)
  await ask(first.url, 'create table kept (n int)')
  await ask(first.url, 'insert into kept select generate_series(1, 1000)')
  const busy = ask(first.url, 'begin; insert into kept select generate_series(1, 300000); commit')
    .catch(() => {})
  await sleep(500)
  process.kill(first.pid, 'SIGKILL')
  const second = await boot(t, { dataDir })
  await busy
  t.equal(second.adopted, false)
  t.not(second.pid, first.pid)
  const [count] = await ask(second.url, 'select count(*)::int from kept')
  t.ok(count === 1_000 || count === 301_000, `all or nothing of the last: ${count}`)
  await kill(first.child)
})

t.test('a server that is recovering from a crashed backend is waited for', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await boot(t, { dataDir })
  const busy = ask(first.url, 'select pg_backend_pid(), pg_sleep(60)').catch(() => {})
  const client = await ask(first.superuserUrl, `select pid from pg_stat_activity
    where usename = 'ledger'`)
  for (const pid of client) process.kill(Number(pid), 'SIGKILL')
  await sleep(20)
  const second = await boot(t, { dataDir })
  t.equal(second.pid, first.pid)
  t.equal(second.adopted, true)
  t.same(await ask(second.url, 'select 1'), [1])
  await busy
})

t.test('a lock file whose process id belongs to a stranger is not believed', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await boot(t, { dataDir })
  const lock = await readFile(join(dataDir, 'postmaster.pid'), 'utf8')
  await first.stop()
  // Of the same user, as Postgres itself sees through a stranger of another user.
  const { uid, gid } = await stat(dataDir)
  const stranger = spawn('sleep', ['60'], asRoot ? { uid, gid } : {})
  t.teardown(() => { stranger.kill() })
  await writeFile(join(dataDir, 'postmaster.pid'), lock.replace(/^\d+/, String(stranger.pid)))
  await chown(join(dataDir, 'postmaster.pid'), uid, gid)
  const second = await boot(t, { dataDir })
  t.equal(second.adopted, false)
  t.ok(isRunning(stranger.pid ?? 0), 'the stranger is left alone')
})

t.test('a server that does not obey is killed within 10 s', { timeout: 30_000 }, async (t) => {
  const dataDir = await dataFolder(t)
  const postgres = await boot(t, { dataDir })
  process.kill(postgres.pid, 'SIGSTOP')
  const startedAt = Date.now()
  await postgres.stop()
  t.ok(Date.now() - startedAt < 10_000)
  t.notOk(serves(postgres.pid, dataDir))
})

t.test('the port asked for is used, and one in use is named', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1')
  await once(blocker, 'listening')
  const address = blocker.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const dataDir = await dataFolder(t)
  await t.rejects(startPostgres({ dataDir, port }), {
    message: `Postgres cannot listen on port ${port} of 127.0.0.1: is it in use?`
  })
  blocker.close()
  await once(blocker, 'close')
  t.equal((await boot(t, { dataDir, port })).port, port)
})

t.test('lost passwords are named', async (t) => {
  const dataDir = await dataFolder(t)
  await rm(`${dataDir}.superuser-password`)
  await t.rejects(startPostgres({ dataDir }), { message: /does not take the passwords kept in/ })
  t.same(await readPostmaster(dataDir), undefined, 'and nothing is left running')
})

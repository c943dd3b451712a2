import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'

import { applyFence } from '../../src/ledger/fence.ts'
import { eventsOf, erasingWorld } from './erasing.ts'

t.test('a vault restored from before an erasure opens nothing of that person', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.send([...eventsOf('u-gone', 4), ...eventsOf('u-kept', 4)]))
  await world.superuser.query('create table public.backup as select * from vault.subject')
  const { ref } = await world.request('u-gone')
  await world.finish()
  t.equal((await world.vault.keys('acme', [ref])).size, 0)

  const restore = 'insert into vault.subject select * from public.backup on conflict do nothing'
  await t.rejects(world.superuser.query(restore), { message: /was erased and never gets a key again/ })
  // As a backup of the whole vault would bring it back: without what the vault remembers.
  await world.superuser.query(`truncate vault.erased; ${restore}`)
  t.equal(await applyFence(world.log, world.eraser), 1, 'one key had come back')
  const restarted = await world.anotherVault()
  t.equal((await restarted.keys('acme', [ref])).size, 0)
  t.equal(await restarted.find('acme', { type: 'user', id: 'u-gone' }), undefined)
  t.ok(await restarted.find('acme', { type: 'user', id: 'u-kept' }))
  await t.rejects(world.superuser.query(restore), { message: /never gets a key again/ }, 'for good')
  t.equal(await applyFence(world.log, world.eraser), 0)
})

t.test('a vault restored under a running process opens nobody who was erased', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.send([...eventsOf('u-gone', 4), ...eventsOf('u-kept', 4)]))
  let fences = 0
  let isLogUp = true
  const running = await world.anotherVault({
    async fence () {
      if (!isLogUp) throw new Error('no log')
      fences++
      await applyFence(world.log, world.eraser)
    }
  })
  t.equal(fences, 1, 'before the first key')
  await world.superuser.query('create table public.backup as select * from vault.subject')
  const { ref } = await world.request('u-gone')
  await world.finish()

  isLogUp = false
  await world.superuser.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query = 'listen ledger_vault'`)
  // The servers that restore a database end every connection first; the process has heard of it.
  await sleep(50)
  await world.superuser.query(`truncate vault.erased;
    insert into vault.subject select * from public.backup on conflict do nothing`)
  const back = await world.superuser.query('select from vault.subject where ref = $1', [ref])
  t.equal(back.rowCount, 1, 'the key is back')
  await t.rejects(running.keys('acme', [ref]), { code: 'DATABASE_UNAVAILABLE' }, 'no fence, no key')
  isLogUp = true
  t.equal((await running.keys('acme', [ref])).size, 0)
  t.ok(await running.find('acme', { type: 'user', id: 'u-kept' }))
  t.ok(fences > 1)
})

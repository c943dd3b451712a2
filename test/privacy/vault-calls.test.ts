import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Pool } from '../../src/postgres/pool.ts'
import { createInUse } from '../../src/privacy/in-use.ts'
import {
  answerCalls, callAll, giveUpSilent, type Calls
} from '../../src/privacy/vault-calls.ts'
import { testDatabase } from '../helper.ts'

const WAIT_MS = 5_000

const idle = (pool: Pool): Calls => answerCalls(pool, async () => {})
const answered = async (pool: Pool, timeoutMs = WAIT_MS): Promise<boolean> =>
  (await callAll(pool, timeoutMs)).answered
/** Which call each of them has answered last, in order. */
const heard = async (pool: Pool): Promise<bigint[]> =>
  (await pool.query<{ heard: bigint }>('select heard from vault.listener order by heard')).rows
    .map(({ heard }) => heard)
const gate = () => {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => { open = resolve })
  return { opened, open }
}
const called = (call: number | bigint): string => JSON.stringify(['', String(call)])

t.test('whoever registered is waited for, at the very first call too', async (t) => {
  const pool = (await testDatabase(t)).pool('ledger_vault')
  t.equal(await answered(pool), true, 'nobody is there')
  const fresh = (await testDatabase(t)).pool('ledger_vault')
  const calls = idle(fresh)
  t.equal(await calls.register(), true)
  t.equal(await answered(fresh, 50), false, 'the first call of a database')
  const second = answered(fresh)
  calls.onNotification(called(1))
  calls.onNotification(JSON.stringify(['acme', '2']))
  const next = answered(fresh, 50)
  t.equal(await Promise.race([second, next]), false, 'what was heard was another call')
  calls.onNotification(called(3))
  t.equal(await second, true)
})

t.test('what was missed while nothing was kept is answered by registering again', async (t) => {
  const pool = (await testDatabase(t)).pool('ledger_vault')
  const calls = idle(pool)
  await calls.register()
  t.equal(await answered(pool, 50), false)
  const missed = answered(pool)
  t.equal(await calls.register(), true)
  t.equal(await missed, true)
})

t.test('without the database nobody is registered, and closing gives it up', async (t) => {
  const pool = (await testDatabase(t)).pool('ledger_vault')
  const calls = idle(pool)
  await calls.register()
  await calls.close()
  t.equal(await answered(pool), true)
  const other = (await testDatabase(t)).pool('ledger_vault')
  await other.end()
  t.equal(await idle(other).register(), false)
})

t.test('what seals with keys of before is through before a call is answered', async (t) => {
  const pool = (await testDatabase(t)).pool('ledger_vault')
  const inUse = createInUse(WAIT_MS)
  const calls = answerCalls(pool, inUse.settled)
  await calls.register()
  const [before, after] = [gate(), gate()]
  inUse.add(before.opened)
  const { call } = await callAll(pool, 1)
  calls.onNotification(called(call))
  const registering = calls.register()
  // What begins after the call has asked for its keys after it as well.
  inUse.add(after.opened)
  await sleep(50)
  t.ok((await heard(pool)).every((last) => last < call))
  before.open()
  t.equal(await registering, true)
  t.strictSame(await heard(pool), [call])
  after.open()
})

t.test('work that never ends is waited for so long and no longer', async (t) => {
  const inUse = createInUse(50)
  inUse.add(new Promise(() => {}))
  inUse.add(Promise.reject(new Error('over')))
  const alive = setInterval(() => {}, 10)
  const started = performance.now()
  await inUse.settled()
  t.ok(performance.now() - started >= 45)
  clearInterval(alive)
})

t.test('who is given up are those that did not answer that call, not a later one', async (t) => {
  const pool = (await testDatabase(t)).pool('ledger_vault')
  const [silent, living] = [idle(pool), idle(pool)]
  await silent.register()
  await living.register()
  const { call } = await callAll(pool, 1)
  living.onNotification(called(call))
  const later = (await callAll(pool, 1)).call
  while ((await heard(pool)).at(-1) !== call) await sleep(5)
  await giveUpSilent(pool, call)
  t.strictSame(await heard(pool), [call])
  const next = answered(pool)
  living.onNotification(called(later))
  t.equal(await Promise.race([next, sleep(50, 'waiting')]), 'waiting')
  living.onNotification(called(later + 1n))
  t.equal(await next, true)
})

import t from 'tap'
import { answerCalls, callAll } from '../../src/privacy/vault-calls.ts'
import { testDatabase } from '../helper.ts'

const WAIT_MS = 5_000

t.test('whoever registered is waited for, at the very first call too', async (t) => {
  const pool = (await testDatabase(t)).pool('ledger_vault')
  t.equal(await callAll(pool, WAIT_MS), true, 'nobody is there')
  const fresh = (await testDatabase(t)).pool('ledger_vault')
  const calls = answerCalls(fresh)
  t.equal(await calls.register(), true)
  t.equal(await callAll(fresh, 50), false, 'the first call of a database')
  const called = callAll(fresh, WAIT_MS)
  calls.onNotification(JSON.stringify(['', '1']))
  calls.onNotification(JSON.stringify(['acme', '2']))
  const next = callAll(fresh, 50)
  t.equal(await Promise.race([called, next]), false, 'what was heard was another call')
  calls.onNotification(JSON.stringify(['', '3']))
  t.equal(await called, true)
})

t.test('what was missed while nothing was kept is answered by registering again', async (t) => {
  const pool = (await testDatabase(t)).pool('ledger_vault')
  const calls = answerCalls(pool)
  await calls.register()
  t.equal(await callAll(pool, 50), false)
  const called = callAll(pool, WAIT_MS)
  t.equal(await calls.register(), true)
  t.equal(await called, true)
})

t.test('without the database nobody is registered, and closing gives it up', async (t) => {
  const pool = (await testDatabase(t)).pool('ledger_vault')
  const calls = answerCalls(pool)
  await calls.register()
  await calls.close()
  t.equal(await callAll(pool, WAIT_MS), true)
  const other = (await testDatabase(t)).pool('ledger_vault')
  await other.end()
  t.equal(await answerCalls(other).register(), false)
})

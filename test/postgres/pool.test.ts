import { setTimeout as sleep } from 'node:timers/promises'

import t from 'tap'

import { isUnavailable } from '../../src/postgres/errors.ts'
import { createPool } from '../../src/postgres/pool.ts'
import { ROLES } from '../../src/postgres/roles.ts'
import { testDatabase } from '../helper.ts'
import { faultProxy, through } from '../fault-proxy.ts'

const db = await testDatabase(t)

t.test('every connection works as the role from its first statement on', async (t) => {
  for (const role of ROLES) {
    const { rows } = await db.pool(role).query('select current_user, session_user')
    t.same(rows, [{ current_user: role, session_user: 'ledger' }])
  }
})

t.test('a role that the login may not take is refused', async (t) => {
  const pool = createPool({ url: db.url.replace('ledger:', 'nobody:'), role: 'ledger_api' })
  await t.rejects(pool.query('select 1'), { code: '28P01' })
  await pool.end()
})

t.test('64-bit numbers are exact', async (t) => {
  const { rows } = await db.pool('ledger_api').query(`select 9223372036854775807 as max,
    (-9223372036854775808)::int8 as min, array[1, null, 9007199254740993]::int8[] as list,
    '{}'::int8[] as none, null::int8 as missing, 7 as small, $1::int8 as given`, [2n ** 60n])
  t.same(rows, [{
    max: 2n ** 63n - 1n,
    min: -(2n ** 63n),
    list: [1n, null, 9_007_199_254_740_993n],
    none: [],
    missing: null,
    small: 7,
    given: 2n ** 60n
  }])
})

t.test('the session says who it is and keeps its limits', async (t) => {
  const pool = db.pool('ledger_api', { applicationName: 'tester', statementTimeoutMs: 100 })
  const { rows } = await pool.query(`select current_setting('application_name') as name,
    current_setting('statement_timeout') as limit,
    current_setting('idle_in_transaction_session_timeout') as frozen`)
  t.same(rows, [{ name: 'tester', limit: '100ms', frozen: '30s' }])
  const err = await pool.query('select pg_sleep(10)').catch((err: unknown) => err)
  t.match(err, { code: '57014' })
  t.ok(isUnavailable(err))
})

t.test('lost connections, idle or busy, fail their statement and nothing else', async (t) => {
  for (const pipeline of [false, true]) {
    const pool = db.pool('ledger_api', { pipeline, max: 4 })
    const four = Array.from({ length: 4 }, async () => await pool.query('select pg_sleep(0.05)'))
    await Promise.all(four)
    t.equal(pool.idleCount, 4)
    const busy = pool.query('select pg_sleep(60)').catch((err: unknown) => err)
    await sleep(100)
    const superuser = createPool({ url: db.superuserUrl, max: 1 })
    await superuser.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
      where usename = 'ledger' and datname = current_database()`)
    await superuser.end()
    t.ok(isUnavailable(await busy))
    await sleep(50)
    t.equal(pool.totalCount, 0)
    t.same((await pool.query('select 1 as one')).rows, [{ one: 1 }])
  }
})

t.test('a server that went silent is given up after the statement timeout', async (t) => {
  const proxy = await faultProxy(t, Number(new URL(db.url).port))
  const url = through(db.url, proxy)
  const pool = createPool({ url, role: 'ledger_api', statementTimeoutMs: 100 })
  await pool.query('select 1')
  proxy.faults.blackHole = true
  const startedAt = Date.now()
  const err = await pool.query('select 1').catch((err: unknown) => err)
  t.ok(isUnavailable(err), String(err))
  t.ok(Date.now() - startedAt < 6_000)
  pool.end().catch(() => {})
})

t.test('a server that is not there is unavailable at once', async (t) => {
  const url = new URL(db.url)
  url.port = '1'
  const pool = createPool({ url: url.href, role: 'ledger_api' })
  t.ok(isUnavailable(await pool.query('select 1').catch((err: unknown) => err)))
  await pool.end()
})

t.test('too many connections are unavailable, not an error of ours', async (t) => {
  const superuser = createPool({ url: db.superuserUrl, max: 1 })
  await superuser.query(`alter database ${db.name} connection limit 0`)
  const pool = db.pool('ledger_api')
  const err = await pool.query('select 1').catch((err: unknown) => err)
  t.match(err, { code: '53300' })
  t.ok(isUnavailable(err))
  await superuser.query(`alter database ${db.name} connection limit -1`)
  await superuser.end()
})

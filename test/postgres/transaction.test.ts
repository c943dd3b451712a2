import { setTimeout as sleep } from 'node:timers/promises'

import t from 'tap'

import { isUnavailable } from '../../src/postgres/errors.ts'
import { createPool, type Pool } from '../../src/postgres/pool.ts'
import {
  changeInTenant, inTenant, inTenants, inTransaction
} from '../../src/postgres/transaction.ts'
import { testDatabase } from '../helper.ts'
import { faultProxy, through } from '../fault-proxy.ts'

const db = await testDatabase(t)
const worker = db.pool('ledger_worker')
await worker.query('create schema play')
await worker.query('create table play.row (n int unique deferrable initially deferred)')
await worker.query('grant usage on schema play to ledger_api')
await worker.query('grant select, insert on play.row to ledger_api')

async function rows (): Promise<unknown[]> {
  return (await worker.query<{ n: number }>('select n from play.row order by n')).rows
    .map((row) => row.n)
}

/**
 * Whether the pool's connections are fit for the next: none in a transaction, none kept. Not at
 * once, because a reader does not wait for its commit.
 */
async function isClean (pool: Pool): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const { rows } = await worker.query<{ state: string }>(`select state from pg_stat_activity
      where datname = current_database() and state like 'idle in transaction%'`)
    if (rows.length === 0 && pool.idleCount === pool.totalCount) return true
    await sleep(20)
  }
  return false
}

const KINDS = [['plain', false], ['pipelined', true]] as const

for (const [kind, pipeline] of KINDS) {
  t.test(`on a ${kind} pool`, async (t) => {
    const pool = db.pool('ledger_api', { pipeline, max: 2 })
    await worker.query('delete from play.row')

    t.test('all of a transaction happens, or none', async (t) => {
      const result = await inTransaction(pool, async (tx) => {
        await tx.query('insert into play.row values (1)')
        await tx.query('insert into play.row values (2)')
        return 'done'
      })
      t.equal(result, 'done')
      const err = new Error('second thoughts')
      await t.rejects(inTransaction(pool, async (tx) => {
        await tx.query('insert into play.row values (3)')
        throw err
      }), err)
      await t.rejects(inTransaction(pool, async (tx) => {
        await tx.query('insert into play.row values (3)')
        await tx.query('select 1/0')
      }), { code: '22012' })
      t.same(await rows(), [1, 2])
      t.ok(await isClean(pool))
    })

    t.test('an error that the work hid makes the commit an error', async (t) => {
      await t.rejects(inTransaction(pool, async (tx) => {
        await tx.query('insert into play.row values (4)')
        await tx.query('select 1/0').catch(() => {})
      }), { message: 'the server answered ROLLBACK to a commit' })
      t.same(await rows(), [1, 2])
      t.ok(await isClean(pool))
    })

    t.test('a constraint that is checked at the commit is an error', async (t) => {
      await t.rejects(inTransaction(pool, async (tx) => {
        await tx.query('insert into play.row values (1)')
      }), { code: '23505' })
      t.ok(await isClean(pool))
    })

    t.test('the tenant is named within, and only there', async (t) => {
      const current = "select current_setting('ledger.tenant', true) as tenant"
      for (const tenant of ['acme', "'; drop schema play; --", '\\', "\\'", 'ü"$1']) {
        for (const open of [inTenant, changeInTenant]) {
          const { rows } = await open(pool, tenant, async (tx) => await tx.query(current))
          t.same(rows, [{ tenant }])
        }
      }
      t.match((await pool.query(current)).rows[0], { tenant: /^$/ })
    })

    t.test('a reading transaction cannot write', async (t) => {
      await t.rejects(inTenant(pool, 'acme', async (tx) => {
        await tx.query('insert into play.row values (5)')
      }), { code: '25006' })
      await changeInTenant(pool, 'acme', async (tx) => {
        await tx.query('insert into play.row values (5)')
      })
      t.same(await rows(), [1, 2, 5])
      t.ok(await isClean(pool))
    })

    t.test('a connection that breaks is not given back', async (t) => {
      const single = db.pool('ledger_api', { pipeline, max: 1 })
      for (const open of [inTransaction, inReading]) {
        const err = await open(single, async (tx) => {
          const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
          await terminate(rows[0]?.pid ?? 0)
          await tx.query('select 1')
        }).catch((err: unknown) => err)
        t.ok(isUnavailable(err), String(err))
        t.equal(single.totalCount, 0)
        t.same((await single.query('select 1 as one')).rows, [{ one: 1 }], 'the next one works')
      }
    })
  })
}

const inReading: typeof inTransaction = async (pool, work) => await inTenant(pool, 'acme', work)

async function terminate (pid: number): Promise<void> {
  const superuser = createPool({ url: db.superuserUrl, max: 1 })
  await superuser.query('select pg_terminate_backend($1, 5000)', [pid])
  await superuser.end()
}

t.test('a commit whose answer is lost is an unknown outcome', async (t) => {
  const proxy = await faultProxy(t, Number(new URL(db.url).port))
  const pool = db.pool('ledger_api', { url: through(db.url, proxy), max: 1 })
  await worker.query('delete from play.row')
  const err = await inTransaction(pool, async (tx) => {
    await tx.query('insert into play.row values (9)')
    proxy.cutAfter('answered', 0)
  }).catch((err: unknown) => err)
  t.ok(isUnavailable(err), String(err))
  await sleep(50)
  t.same(await rows(), [9], 'committed, though nobody was told')
})

t.test('a page read by a tenant costs one round trip on a pipelined pool', async (t) => {
  const roundTripMs = 60
  const proxy = await faultProxy(t, Number(new URL(db.url).port))
  proxy.faults.latencyMs = roundTripMs / 2
  const measured = async (pipeline: boolean): Promise<number> => {
    const pool = db.pool('ledger_api', { url: through(db.url, proxy), max: 1, pipeline })
    const page = async (): Promise<unknown> => await inTenant(pool, 'acme', async (tx) =>
      await tx.query({ name: 'page', text: 'select n from play.row where n > $1', values: [0] }))
    for (let warm = 0; warm < 2; warm++) await page()
    await sleep(2 * roundTripMs)
    const startedAt = performance.now()
    await page()
    return performance.now() - startedAt
  }
  const pipelined = await measured(true)
  const plain = await measured(false)
  t.comment(`one round trip ${roundTripMs} ms: pipelined ${pipelined} ms, plain ${plain} ms`)
  t.ok(pipelined >= roundTripMs && pipelined < 1.8 * roundTripMs)
  t.ok(plain >= 1.9 * roundTripMs)
})

t.test('readers at once on a pipelined pool get their own answers', async (t) => {
  const pool = db.pool('ledger_api', { pipeline: true, max: 3 })
  const answers = await Promise.all(Array.from({ length: 500 }, async (_, i) =>
    await inTenant(pool, `tenant-${i}`, async (tx) => {
      const { rows } = await tx.query<{ tenant: string, i: number }>(
        "select current_setting('ledger.tenant') as tenant, $1::int as i", [i])
      if (i % 7 === 0) throw new Error('unlucky')
      return rows[0]
    }).catch((err: Error) => err.message)))
  answers.forEach((answer, i) => {
    const expected = i % 7 === 0 ? 'unlucky' : { tenant: `tenant-${i}`, i }
    if (!t.same(answer, expected)) t.bailout()
  })
  t.ok(await isClean(pool))
})

t.test('several tenants are read in one transaction, each as itself', async (t) => {
  for (const pipeline of [true, false]) {
    const pool = db.pool('ledger_api', { pipeline, max: 1 })
    const seen = await inTenants(pool, [{ tenant: 'a' }, { tenant: 'b' }, { tenant: 'a' }],
      async (tx, { tenant }) => {
        const { rows: [row] } = await tx.query<{ is: string }>(
          "select current_setting('ledger.tenant') as is")
        return `${tenant} is ${row?.is}`
      })
    t.same(seen, ['a is a', 'b is b', 'a is a'])
    await t.rejects(inTenants(pool, [{ tenant: 'a' }, { tenant: 'b' }], async (tx, { tenant }) => {
      await tx.query(tenant === 'b' ? 'select 1 / 0' : 'select 1')
    }), /division by zero/)
    t.ok(await isClean(pool))
  }
})

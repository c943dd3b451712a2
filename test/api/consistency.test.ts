import t from 'tap'
import { createProgress, readPosition, requirePosition } from '../../src/api/consistency.ts'
import { testDatabase } from '../helper.ts'

const database = await testDatabase(t)
const pool = database.pool('ledger_api')
const worker = database.pool('ledger_worker')
const progress = createProgress(pool, database.pool('ledger_api', { max: 1 }))
t.teardown(async () => { await progress.close() })

/** Says that read models have come so far, as the worker does, or only some of that. */
async function moveTo (name: string, position: bigint | null, notify = true): Promise<void> {
  await worker.query(
    `insert into control.projection (name, generation, version, state, commit_position)
     values ($1, 1, 1, 'live', $2)
     on conflict (name, generation) do update set commit_position = $2`, [name, position])
  if (notify) await worker.query("select pg_notify('ledger_progress', $1)", [String(position)])
}

t.test('before the first event there is no position', async (t) => {
  t.equal(await readPosition(pool), undefined)
  await moveTo('entries', null, false)
  t.equal(await readPosition(pool), undefined)
})

t.test('the position is that of the read model that is furthest behind', async (t) => {
  await moveTo('entries', 20n, false)
  await moveTo('tasks', 10n, false)
  t.equal(await readPosition(pool), 10n)
  await moveTo('tasks', null, false)
  t.equal(await readPosition(pool), undefined)
  await moveTo('tasks', 20n, false)
})

t.test('who waits is told when the position is reached, and no earlier', async (t) => {
  t.equal(await progress.reached(20n, 1_000), true, 'it was reached before')
  t.equal(await progress.reached(21n, 50), false)
  const [near, far] = [progress.reached(30n, 5_000), progress.reached(40n, 400)]
  await moveTo('entries', 30n)
  t.equal(await near, true)
  t.equal(await far, false)
})

t.test('what is not heard is found by asking', async (t) => {
  // Of this database: other tests listen on the same server.
  const { rows } = await database.pool(undefined).query(`
    select pg_terminate_backend(pid) as ended from pg_stat_activity
    where query like 'listen %' and datname = current_database()`)
  t.strictSame(rows, [{ ended: true }], 'the connection that listens is gone')
  const waiting = progress.reached(50n, 5_000)
  await moveTo('entries', 50n, false)
  await moveTo('tasks', 50n, false)
  t.equal(await waiting, true)
})

t.test('a notification that is none is ignored', async (t) => {
  for (const payload of ['', 'x', '-1', '9'.repeat(30), '1; drop table']) {
    await worker.query("select pg_notify('ledger_progress', $1)", [payload])
  }
  t.equal(await progress.reached(50n, 1_000), true)
})

t.test('an answer that is behind is refused with what it reflects', async (t) => {
  requirePosition(7n, 7n)
  for (const [reflected, said] of [[6n, '6'], [undefined, null]] as const) {
    t.throws(() => { requirePosition(7n, reflected) }, {
      code: 'LAGGING', details: { retryAfterS: 1, extra: { asked: '7', reflected: said } }
    })
  }
})

t.test('nobody waits any longer once it is closed', async (t) => {
  const waiting = progress.reached(99n, 60_000)
  await progress.close()
  t.equal(await waiting, false)
  t.equal(await progress.reached(99n, 60_000), false)
})

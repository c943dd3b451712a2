import { randomUUID } from 'node:crypto'

import t from 'tap'

import { entries } from '../../projections/entries/projection.ts'
import { PROJECTIONS } from '../../projections/index.ts'
import type { Projection } from '../../projections/projection.ts'
import { recordOf, until, world } from './world.ts'

t.test('what another program wrote is parked and shown, and the rest goes on', async (t) => {
  const { runner, append, log, rows } = await world(t)
  const worker = runner()
  await append(1, 5)
  await log.append('somebody-else', [{ id: randomUUID(), type: 'Odd\u0001"', data: { a: 1 } }],
    undefined)
  await log.append('acme.order-77', [{ id: randomUUID(), type: 'x.y', data: { v: 9 } }], undefined)
  await worker.reached(await append(6, 10))
  t.strictSame(await rows(`
    select stream, event_type as type, reason_code, data
    from control.parked order by position`), [
    { stream: 'somebody-else', type: 'Odd\u0001"', reason_code: 'FOREIGN_EVENT', data: '{"a":1}' },
    { stream: 'acme.order-77', type: 'x.y', reason_code: 'UNKNOWN_VERSION', data: '{"v":9}' }
  ])
  t.strictSame(await rows('select count(*) from read.entry'), [{ count: 10n }])
  t.strictSame(await rows('select distinct events from control.projection'), [{ events: 10n }])
})

t.test('one event that Postgres refuses does not stop the others', async (t) => {
  const { runner, append, rows } = await world(t)
  const picky: Projection = {
    ...entries,
    async apply (batch, tx) {
      const wrong = batch.events.some(({ data }) => JSON.stringify(data.after) === '{"n":17}')
      if (wrong) await tx.query('select 1 / 0')
      await entries.apply(batch, tx)
    }
  }
  const last = await append(1, 40)
  const worker = runner({
    projections: PROJECTIONS.map((one) => one === entries ? picky : one)
  })
  await worker.reached(last)
  t.strictSame(await rows(
    "select reason_code, reason, data::jsonb -> 'after' as after from control.parked"),
  [{ reason_code: 'UNPROJECTABLE', reason: 'SQLSTATE 22012', after: { n: 17 } }])
  t.strictSame(await rows(`select (select count(*) from read.entry) as entries,
    (select sum(events)::bigint from read.activity_summary) as summed,
    (select count(*) from read.merkle_leaf) as leaves`),
  [{ entries: 39n, summed: 39n, leaves: 40n }], 'it is a leaf all the same')
})

t.test('a bug in a projection is not taken for weather', async (t) => {
  const { runner, append, rows } = await world(t)
  await append(1, 3)
  const broken: Projection = {
    ...entries, apply: async () => { throw new TypeError('a bug') }
  }
  const worker = runner({ projections: [broken] })
  await worker.is('stopped')
  await t.rejects(worker.stop(), { message: 'a bug' })
  t.strictSame(await rows('select count(*) from control.parked'), [{ count: 0n }])
})

t.test('a log that comes back older is refused, and taken again once it is whole', async (t) => {
  const { runner, append, rows, node, log, digest } = await world(t)
  const worker = runner()
  const last = await append(1, 30)
  await worker.reached(last)
  const before = await digest()
  await node.empty()
  await worker.is('log-regression')
  await until('the state', async () =>
    (await rows("select from control.worker_state where state = 'log-regression'")).length === 1)
  t.match(worker.runner.status().reason, /is no longer at revision/)
  const data = recordOf(500)
  await log.append('acme.order-0', [{ id: randomUUID(), type: 'x.y', data }], undefined)
  await append(600, 640)
  await worker.is('log-regression')
  t.strictSame(await digest(), before, 'nothing of it was applied')
  await node.refill()
  await worker.is('live')
  await worker.reached(await append(31, 40))
  t.strictSame(await rows('select count(*) from read.entry'), [{ count: 40n }])
})

t.test('a database or a log that is away is waited for, and said to be', async (t) => {
  const { runner, append, rows, node, database, asSuperuser } = await world(t)
  const worker = runner()
  await worker.reached(await append(1, 20))
  await node.stop()
  await worker.is('waiting-for-log')
  t.match(await rows('select state from control.worker_state'), [{ state: 'waiting-for-log' }])
  await node.start()
  await worker.reached(await append(21, 40))
  await worker.is('live')
  await asSuperuser(`alter database ${database.name} allow_connections false`, 'postgres')
  await asSuperuser(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = '${database.name}'`, 'postgres')
  await worker.is('waiting-for-database')
  const last = await append(41, 60)
  await asSuperuser(`alter database ${database.name} allow_connections true`, 'postgres')
  await worker.reached(last)
  t.strictSame(await rows('select count(*) from read.entry'), [{ count: 60n }])
  t.strictSame(await rows('select distinct events from control.projection'), [{ events: 60n }])
})

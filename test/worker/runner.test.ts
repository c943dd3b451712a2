import { setTimeout as sleep } from 'node:timers/promises'

import t from 'tap'

import { PROJECTIONS } from '../../projections/index.ts'
import { until, world } from './world.ts'

const SUMMED = 'select sum(events)::bigint as n from read.activity_summary'

t.test('events become rows, and are seen soon after they are appended', async (t) => {
  const { runner, append, rows } = await world(t)
  const first = await append(1, 30)
  const worker = runner()
  await worker.reached(first)
  await worker.is('live')
  t.strictSame(await rows('select count(*) from read.entry'), [{ count: 30n }])
  const second = await append(31, 40)
  await worker.reached(second)
  t.strictSame(await rows('select count(*) from read.entry'), [{ count: 40n }])
  t.strictSame(await rows(`
    select distinct commit_position, events, state from control.projection`),
  [{ commit_position: second, events: 40n, state: 'live' }])
  await until('the state', async () =>
    (await rows(`select from control.worker_state where head_commit = ${second}`)).length === 1)
  t.match(await rows('select state, detail, head_commit from control.worker_state'),
    [{ state: 'live', detail: { position: String(second), lagEvents: 0 }, head_commit: second }])
  t.match(worker.runner.status(), { state: 'live', lagEvents: 0, position: second, events: 40 })
  await worker.stop()
  t.match(await rows('select state from control.worker_state'), [{ state: 'stopped' }])
  t.match(await rows('select holder from control.runner'), [{ holder: null }])
})

t.test('a runner that starts again goes on where the last one stopped', async (t) => {
  const { runner, append, digest, rows, asSuperuser } = await world(t)
  const one = runner()
  await one.reached(await append(1, 20))
  await one.stop()
  const last = await append(21, 50)
  const two = runner()
  await two.reached(last)
  t.equal(two.runner.status().events, 30, 'nothing is read twice')
  const built = await digest()
  await asSuperuser('drop schema read cascade')
  const views = PROJECTIONS.flatMap(({ views }) => views).length
  await until('views', async () =>
    (await rows("select from pg_views where schemaname = 'read'")).length === views)
  t.strictSame(await digest(), built, 'dropped views come back')
  await two.stop()
  await asSuperuser(`do $$ declare name text; begin
    for name in select nspname from pg_namespace where nspname like '%\\_g1' loop
      execute format('drop schema %I cascade', name);
    end loop; end $$`)
  const three = runner()
  await three.reached(last)
  await three.is('live')
  t.strictSame(await digest(), built, 'dropped tables are built again from the log')
  t.equal(three.runner.status().events, 50)
})

t.test('a transaction that breaks anywhere is repeated whole', async (t) => {
  const steps = ['begin', 'rows of entries', 'rows of activity_summaries', 'parked', 'rows',
    'checkpoint', 'commit']
  const { runner, append, rows } = await world(t)
  const failures: string[] = []
  const worker = runner({
    fault: (step) => {
      if (step !== steps[failures.length]) return
      failures.push(step)
      throw Object.assign(new Error('injected'), { code: '57P01' })
    }
  })
  await append(1, 60)
  await until('all faults', () => failures.length === steps.length)
  await worker.reached(await append(61, 90))
  t.strictSame(failures, steps)
  t.strictSame(await rows('select distinct events from control.projection'), [{ events: 90n }])
  t.strictSame(await rows(`
    select (select count(*) from read.entry) as entries,
      (select sum(events)::bigint from read.activity_summary) as summed,
      (select count(*) from read.entity_trail where role = 'entity') as trails`),
  [{ entries: 90n, summed: 90n, trails: 90n }])
})

t.test('a second runner stands by, and takes over when the first one is gone', async (t) => {
  const { runner, append, rows } = await world(t)
  const one = runner()
  await one.is('live')
  const two = runner()
  await two.is('standby')
  await one.reached(await append(1, 10))
  t.equal(two.runner.status().batches, 0)
  await one.stop()
  await two.reached(await append(11, 20))
  t.strictSame(await rows('select count(*), max(fence) as fence from read.entry, control.runner'),
    [{ count: 20n, fence: 2n }])
})

t.test('a runner that was thought dead applies nothing when it wakes', async (t) => {
  const { runner, append, rows } = await world(t)
  let asleep: (() => void) | undefined
  const sleeping = new Promise<void>((resolve) => { asleep = resolve })
  let wake: (() => void) | undefined
  const woken = new Promise<void>((resolve) => { wake = resolve })
  const one = runner({
    heartbeatMs: 60_000,
    leaseMs: 300,
    fault: async (step) => {
      if (step !== 'begin' || wake === undefined) return
      asleep?.()
      await woken
    }
  })
  await one.is('live')
  const last = await append(1, 20)
  await sleeping
  const two = runner({ leaseMs: 300 })
  await two.reached(last)
  wake?.()
  wake = undefined
  await until('a rejection', () => one.runner.status().fenceRejections > 0)
  await one.is('standby')
  t.ok(one.runner.status().fenceRejections > 0)
  t.strictSame(await rows(SUMMED), [{ n: 20n }])
  await two.reached(await append(21, 30))
  await sleep(50)
  t.strictSame(await rows(SUMMED), [{ n: 30n }])
})

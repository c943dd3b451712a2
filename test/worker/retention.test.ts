import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'

import { PROJECTIONS } from '../../projections/index.ts'
import { countDue, type DueCount } from '../../projections/retention/due.ts'
import { RUN_EVENTS_MAX } from '../../schemas/events/retention.ts'
import { LEAF_MAX_BYTES } from '../../schemas/primitives.ts'
import { holdPlacedEvent, holdReleasedEvent } from '../../src/ledger/erasure-events.ts'
import { ownRecord } from '../../src/ledger/own-record.ts'
import { policyRevokedEvent, ranEvent, type Run } from '../../src/ledger/retention-events.ts'
import { uuid } from '../given.ts'
import { eventsOf, SENDER } from './erasing.ts'
import { KEY, OLD, POLICY, retainingWorld } from './retaining.ts'
import { until } from './world.ts'

const ALL = PROJECTIONS.map(({ name }) => name)
/** What a run leaves as it is, but for its own event. */
const KEPT = [
  "select * from read.activity_summary r where action not like 'ledger.%'",
  'select * from read.task r', 'select * from read.hold r'
]

t.test('a run removes what is old and nothing else, and every rebuild does the same', async (t) => {
  const world = await retainingWorld(t)
  const worker = world.runner()
  const events = ['u-1', 'u-2'].flatMap((user) => eventsOf(user, 40))
    .map((event, n) => n % 5 === 0 ? { ...event, tags: ['x', 'y'] } : event)
  await world.sendOld(events)
  await world.sendOld(eventsOf('u-1', 8), 'other')
  await world.send(eventsOf('u-1', 8))
  await world.setPolicy({ category: 'auth' })
  await worker.reached(await world.setPolicy({ action: 'order.*' }, uuid(2)))
  const kept = async (): Promise<object[][]> =>
    await Promise.all(KEPT.map(async (sql) => await world.rows(`${sql} order by r::text`)))
  const [before, beforeKept] = [await world.digest(), await kept()]
  const preview = async (cutoff: string, cap = 99): Promise<DueCount> =>
    await countDue(world.pool, 'acme', { category: 'auth', action: null, cutoff }, cap)
  const recent = '2025-11-20T00:00:00.000Z'
  const oldest = new Date(OLD).toISOString()
  t.match(await preview(recent), { events: 20, held: 0, oldest, exact: true })
  t.match(await preview(oldest), { events: 0, oldest: null }, 'what is exactly so old stays')
  t.match([await preview(recent, 20), await preview(recent, 19)],
    [{ events: 20, exact: true }, { events: 20, exact: false }], 'counted one past the cap')

  await world.retain()
  await world.settle()
  t.match(await preview(recent), { events: 0, held: 0, oldest: null, exact: true })
  t.strictSame(await world.rows('select runs, removed from read.retention_policy'),
    [{ runs: 1n, removed: 20n }, { runs: 1n, removed: 20n }], 'as previewed')
  t.equal(await world.old(), 40 + 8, 'the rest, and the other tenant\'s')
  const after = await world.digest()
  t.strictSame(await kept(), beforeKept)
  for (const table of ['user_feed', 'entity_trail', 'entry_tag']) {
    t.strictSame(await world.rows(`select r.* from read.${table} r left join read.entry e
      on e.tenant = r.tenant and e.position = r.position where e.position is null`), [], table)
    t.not(after[table], before[table])
  }
  const leaves = await world.rows<{ count: bigint }>(`select count(*) from read.merkle_leaf l
    join read.removed_entry r on r.position = l.position and r.leaf_hash = l.hash`)
  t.strictSame(leaves, [{ count: 40n }], 'every leaf stays')

  for (const names of [ALL, ['entries'], ['user_feeds', 'tasks'], ['entity_trails', 'merkle']]) {
    await world.build(...names)
    t.strictSame(await world.digest(), after, `rebuilt: ${names.join()}`)
  }
  const repeated = await world.ledger.record(SENDER, events)
  t.equal(repeated.filter((result) => result.ok && result.receipt.duplicate).length, events.length,
    'an id is never taken twice, whether or not its row is there')
  await world.settle()
  t.strictSame(await world.digest(), after)
  t.strictSame(await world.rows('select from control.parked'), [])
})

t.test('killed at any step, a run goes on and removes everything once', async (t) => {
  const world = await retainingWorld(t)
  const worker = world.runner()
  await world.sendOld(eventsOf('u-1', 24))
  await worker.reached(await world.setPolicy({ category: 'change' }))
  for (const step of ['chosen', 'recorded']) {
    const dying = world.retention({
      stepRows: 4, fault: (name) => { if (name === step) throw new Error(`killed at ${step}`) }
    })
    await t.rejects(until('death', async () => {
      await dying.step()
      return false
    }), { message: `killed at ${step}` })
  }
  await world.settle()
  t.equal(await world.old(), 24 - 4, 'what was recorded is done, what was chosen only is not')
  await worker.stop()
  t.ok(await world.retention({ stepRows: 4 }).step())
  // The runner dies in the transaction that the run's event changes the rows in.
  for (const step of ['erased', 'removed', 'checkpoint', 'commit']) {
    const doomed = world.runner({
      fault: (name) => { if (name === step) throw new Error(`killed at ${step}`) }
    })
    await doomed.is('stopped')
    await t.rejects(doomed.stop(), { message: `killed at ${step}` })
    t.equal(await world.old(), step === 'commit' ? 24 - 8 : 24 - 4)
  }
  const last = world.runner()
  await world.retain(world.retention({ stepRows: 3 }))
  await world.settle()
  t.equal(await world.old(), 12)
  t.strictSame(await world.rows('select removed from read.retention_policy'), [{ removed: 12n }])
  t.strictSame(await world.rows('select count(*) from read.removed_entry'), [{ count: 12n }])
  const digest = await world.digest()
  await world.build(...ALL)
  t.strictSame(await world.digest(), digest)
  await last.stop()
})

t.test('several workers, under appends and rebuilds, remove everything once', async (t) => {
  const world = await retainingWorld(t)
  const worker = world.runner()
  await world.sendOld(['u-1', 'u-2', 'u-3'].flatMap((user) => eventsOf(user, 80)))
  await worker.reached(await world.setPolicy())
  const stop = new AbortController()
  const retaining = [1, 2, 3].map(async () => {
    await world.retention({ stepRows: 50 }).run(stop.signal)
  })
  let sent = 0
  const appending = (async () => {
    for (; !stop.signal.aborted; sent += 8) {
      await world.send(eventsOf('u-1', 8))
      await sleep(100)
    }
  })()
  const building = (async () => {
    await world.build('user_feeds', 'entity_trails')
    await world.build(...ALL)
  })()
  await until('all removed', async () => await world.old() === 0)
  await building
  stop.abort()
  await Promise.all([...retaining, appending])
  await world.settle()
  t.strictSame(await world.rows('select removed from read.retention_policy'), [{ removed: 240n }])
  t.strictSame(await world.rows(`select count(*) from read.entry
    where action not like 'ledger.%'`), [{ count: BigInt(sent) }])
  const digest = await world.digest()
  await world.build(...ALL)
  t.strictSame(await world.digest(), digest)
})

t.test('a hold keeps rows until it is released; a revoked policy removes none', async (t) => {
  const world = await retainingWorld(t)
  const worker = world.runner()
  await world.sendOld(eventsOf('u-1', 40).filter(({ category }) => category === 'change'))
  const held = async (): Promise<bigint | undefined> => {
    const [row] = await world.rows<{ count: bigint }>(
      "select count(*) from read.entity_trail where entity_type = 'order' and entity_key = '4'")
    return row?.count
  }
  await world.hold(uuid(41), '4')
  await worker.reached(await world.setPolicy())
  const count = await held()
  t.ok((count ?? 0n) > 0n)
  await world.retain()
  await world.settle()
  t.equal(await held(), count)
  t.equal(await world.old(), Number(count))
  const [ran] = await world.rows<{ body: string }>(
    "select body from read.entry where action = 'ledger.retention_ran'")
  t.match(JSON.parse(`{${ran?.body}}`).data, {
    held: Number(count), holdsChecked: 1, holds: [uuid(41)]
  })
  const all = { scope: { kind: 'tenant' }, reason: 'c', until: null } as const
  await world.ledger.recordOwn('acme', [
    holdPlacedEvent('acme', uuid(42), { actor: KEY, data: all }),
    holdReleasedEvent('acme', uuid(41), { actor: KEY, data: { reason: null } })
  ])
  await world.retain()
  t.equal(await held(), count, 'everything is held')
  await world.ledger.recordOwn('acme', [
    holdReleasedEvent('acme', uuid(42), { actor: KEY, data: { reason: null } }),
    policyRevokedEvent('acme', POLICY, { actor: KEY, data: { reason: 'over' } })
  ])
  await world.retain()
  t.equal(await held(), count, 'nothing removes them any more')
  await world.setPolicy({ action: 'order.updated' }, uuid(3))
  await world.settle()
  await world.retain()
  await world.settle()
  t.equal(await held(), 0n)
  await world.hold(uuid(43), '4')
  await world.settle()
  t.equal(await held(), 0n, 'a hold that comes later brings nothing back')
})

t.test('an erased person and a run, in either order, leave the same rows', async (t) => {
  const world = await retainingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.sendOld(['u-1', 'u-2'].flatMap((user) => eventsOf(user, 16))))
  await worker.reached((await world.request('u-1')).position)
  await world.finish()
  await worker.reached(await world.setPolicy({ category: 'change' }))
  await world.retain()
  await world.settle()
  await worker.reached((await world.request('u-2')).position)
  await world.finish()
  await world.settle()
  const digest = await world.digest()
  t.match(await world.states(), { executed: 2 })
  for (const names of [ALL, ['entries'], ['user_feeds'], ['entity_trails', 'entries']]) {
    await world.build(...names)
    t.strictSame(await world.digest(), digest, names.join())
  }
})

t.test('a run fits into an event, and takes none of the ledger\'s own', async (t) => {
  const world = await retainingWorld(t)
  const run = (positions: bigint[]): Run => ({
    category: null, action: null, cutoff: '2025-01-01T00:00:00.000Z', positions, held: 0, holds: []
  })
  const far = (count: number): bigint[] => Array.from({ length: count }, (_, n) =>
    BigInt(n) * BigInt(Number.MAX_SAFE_INTEGER) / 2n)
  const encode = (count: number) => ownRecord('acme', ranEvent('acme', POLICY, run(far(count))),
    { id: uuid(1), recordedAt: new Date(OLD).toISOString() })
  t.ok(JSON.stringify(encode(RUN_EVENTS_MAX).event.data).length < LEAF_MAX_BYTES)
  t.throws(() => encode(RUN_EVENTS_MAX + 1), { code: 'INVALID_EVENT' })

  const worker = world.runner()
  const position = await world.setPolicy({ category: 'auth' })
  const [last] = await world.ledger.recordOwn('acme', [
    ranEvent('acme', POLICY, run([position, position + 1n]))
  ])
  await worker.reached(last?.position ?? 0n)
  t.strictSame(await world.rows('select count(*) from read.entry'), [{ count: 2n }])
  t.strictSame(await world.rows('select from read.removed_entry'), [])
})

import t from 'tap'

import { PROJECTIONS } from '../../projections/index.ts'
import { holdPlacedEvent, holdReleasedEvent } from '../../src/ledger/erasure-events.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import { subjectKey } from '../../src/privacy/personal.ts'
import { rebuild } from '../../src/worker/rebuild.ts'
import { uuid } from '../given.ts'
import { canary, ERASURE_STEPS, eventOf, eventsOf, erasingWorld } from './erasing.ts'
import { until } from './world.ts'

const KEY = { type: 'service', id: 'key', name: 'compliance' } as const

t.test('killed at any step, an erasure goes on where it was', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.send(ERASURE_STEPS.flatMap((step) => eventsOf(`u-${step}`, 8))))
  for (const killed of ERASURE_STEPS) {
    const { id, ref, position } = await world.request(`u-${killed}`)
    await worker.reached(position)
    let faults = 0
    const dying = world.erasures({
      fault: (step) => {
        if (step !== killed) return
        faults++
        throw new Error(`killed at ${step}`)
      }
    })
    await until(`death at ${killed}`, async () => {
      const alive = await dying.step().then(() => true, () => false)
      return !alive
    })
    t.equal(faults, 1)
    // Others see the person whole or erased, and never get a second order.
    await world.finish()
    t.match(await world.rows('select state, late_events from read.erasure where id = $1', [id]),
      [{ state: 'executed', late_events: 0n }], killed)
    t.strictSame(await world.rows('select from read.user_feed where ref = $1', [ref]), [])
  }
  const orders = await world.rows<{ n: bigint }>(
    "select count(*) as n from read.entry where action in ('ledger.erasure_ordered', " +
    "'ledger.erasure_executed') group by action")
  t.strictSame(orders, [{ n: BigInt(ERASURE_STEPS.length) }, { n: BigInt(ERASURE_STEPS.length) }])
  t.strictSame(await world.rows('select from control.parked'), [])
})

t.test('two workers that erase at once do it once', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  const users = Array.from({ length: 20 }, (_, n) => `u-${n}`)
  await worker.reached(await world.send(users.flatMap((user) => eventsOf(user, 4))))
  await Promise.all(users.map(world.request))
  const stop = new AbortController()
  const running = [1, 2, 3].map(async () => { await world.erasures().run(stop.signal) })
  await until('all executed', async () => (await world.states())['executed'] === users.length)
  stop.abort()
  await Promise.all(running)
  t.strictSame(await world.rows(`select action, count(*) from read.entry
    where action like 'ledger.erasure%' group by action order by action`), [
    { action: 'ledger.erasure_executed', count: 20n },
    { action: 'ledger.erasure_ordered', count: 20n },
    { action: 'ledger.erasure_requested', count: 20n }
  ])
  t.strictSame(await world.rows("select result::json ->> 'events' as n from read.erasure limit 1"),
    [{ n: '4' }])
})

t.test('a rebuild before, during and after an erasure comes to the same rows', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.send(
    ['u-a', 'u-b', 'u-c'].flatMap((user) => eventsOf(user, 40))))
  const build = async (names: string[], signal = new AbortController().signal): Promise<void> => {
    await rebuild({
      pool: world.pool,
      log: world.log,
      projections: PROJECTIONS.filter(({ name }) => names.includes(name)),
      signal
    })
  }
  // A rebuild that has the person's rows already when the order comes, and then goes on.
  const begun = rebuild({
    pool: world.pool,
    log: world.log,
    projections: PROJECTIONS.filter(({ name }) => ['entries', 'tasks'].includes(name)),
    signal: new AbortController().signal,
    onProgress: () => { throw new Error('enough') }
  })
  await t.rejects(begun, { message: 'enough' })
  t.match(await world.rows("select name from control.projection where state = 'building'"),
    [{ name: 'entries' }, { name: 'tasks' }])

  await world.request('u-a')
  await world.finish()
  await worker.reached(await world.send([...eventsOf('u-a', 4), ...eventsOf('u-b', 4)]))
  const erased = await world.digest()
  await build(['entries', 'tasks'])
  t.strictSame(await world.digest(), erased, 'begun before, ended after')
  for (const name of PROJECTIONS.map(({ name }) => name)) {
    await build([name])
    t.strictSame(await world.digest(), erased, `${name} alone`)
  }
  await build(PROJECTIONS.map(({ name }) => name))
  t.strictSame(await world.digest(), erased, 'all together')

  await world.superuser.query('truncate control.erased')
  await build(PROJECTIONS.map(({ name }) => name))
  t.strictSame(await world.digest(), erased, 'with nothing to remember')
  const text = JSON.stringify(await world.rows('select head, sealed, body from read.entry'))
  t.notMatch(text, canary('u-a'))
})

t.test('what a frozen process seals too late is flagged and never opened', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.send(eventsOf('u-late', 8)))
  const { ref, id } = await world.request('u-late')
  // The frozen process: its key is from before, its append arrives after.
  const [key] = (await world.vault.provision('acme', [{ type: 'user', id: 'u-late' }])).values()
  await world.finish()
  const frozen = { ...key, ref } as { ref: string, dataKey: Buffer }
  const late = createLedger({
    log: world.log,
    vault: {
      provision: async (_tenant, subjects) =>
        new Map(subjects.map((subject) => [subjectKey(subject), frozen])),
      keys: async () => new Map(),
      find: async () => frozen
    },
    lookup: async () => [{ known: new Map(), revisions: new Map() }],
    now: Date.now,
    newId: () => uuid(999)
  })
  const [result] = await late.record({ tenant: 'acme', settings: {}, source: 'shop' },
    [{ ...eventOf('u-late', 0), entity: { type: 'order', id: 'late' } }])
  if (result?.ok !== true) throw new Error('the late append was refused')
  await worker.reached(result.receipt.position)
  t.strictSame(await world.rows('select late_events from read.erasure where id = $1', [id]),
    [{ late_events: 1n }])
  const [row] = await world.rows<{ head: string, sealed: string }>(
    "select head, sealed, actor_key from read.entry where entity_key = 'late'")
  t.match(JSON.parse(row?.head ?? ''), { actor: { type: 'user', erased: true, erasure: id } })
  t.notMatch(row?.sealed, /"ct"/)
  t.strictSame(await world.rows('select from read.user_feed where ref = $1', [ref]), [])
  const before = await world.digest()
  await rebuild({
    pool: world.pool, log: world.log, projections: PROJECTIONS, signal: new AbortController().signal
  })
  t.strictSame(await world.digest(), before, 'a rebuild flags it as well')
})

t.test('closing: nothing new is sealed under the ref, and other processes say so', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.send(eventsOf('u-closing', 4)))
  const subject = { type: 'user', id: 'u-closing' }
  const other = await world.anotherVault()
  await until('both to be waited for', async () =>
    (await world.superuser.query('select from vault.listener')).rowCount === 2)
  const known = await other.find('acme', subject)
  const ref = known?.ref ?? ''
  t.equal(await world.eraser.close('acme', [ref]) < 1_000, true)
  t.match(await world.eraser.forgotten(5_000), { answered: true })
  for (const vault of [world.vault, other]) {
    t.match(await vault.find('acme', subject), { ref, closed: true }, 'found while it is closing')
    t.equal((await vault.keys('acme', [ref])).size, 1, 'and opened')
  }
  await world.eraser.reopen('acme', [ref])
  t.match(await other.find('acme', subject), { ref, closed: false })
  await world.eraser.close('acme', [ref])
  await world.eraser.forgotten(5_000)
  const fresh = (await other.provision('acme', [subject])).get(subjectKey(subject))
  t.not(fresh?.ref, ref, 'who comes back is somebody new')
  t.equal((await world.vault.provision('acme', [subject])).get(subjectKey(subject))?.ref,
    fresh?.ref)
  await world.eraser.reopen('acme', [ref])
  t.match(await other.find('acme', subject), { ref: fresh?.ref }, 'the new one stays')
  await world.superuser.query(`insert into vault.listener values ('${uuid(1)}', 0)`)
  const { call, answered } = await world.eraser.forgotten(50)
  t.equal(answered, false, 'a process that does not answer')
  await world.eraser.giveUpSilent(call)
  t.match(await world.eraser.forgotten(5_000), { answered: true })
})

t.test('what a live process is appending lands before the order, or the order waits', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.send(eventsOf('u-busy', 4)))
  let release = (): void => {}
  const released = new Promise<void>((resolve) => { release = resolve })
  const slow = createLedger({
    log: world.log,
    vault: world.vault,
    // It has its key, and has not sealed yet.
    async lookup () {
      await released
      return [{ known: new Map(), revisions: new Map() }]
    },
    now: Date.now,
    newId: () => uuid(998)
  })
  const appending = slow.record({ tenant: 'acme', settings: {}, source: 'shop' },
    [{ ...eventOf('u-busy', 0), entity: { type: 'order', id: 'busy' } }])
  const { id, position } = await world.request('u-busy')
  await worker.reached(position)
  t.equal(await world.erasures().step(), false)
  t.strictSame(await world.states(), { requested: 1 })
  release()
  t.match(await appending, [{ ok: true }])
  await world.finish()
  t.match(await world.rows('select late_events from read.erasure where id = $1', [id]),
    [{ late_events: 0n }])
})

t.test('a process that does not answer is waited for until its keys are out of date', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.send(eventsOf('u-silent', 4)))
  const { position } = await world.request('u-silent')
  await worker.reached(position)
  await world.superuser.query(`insert into vault.listener values ('${uuid(1)}', 0)`)
  t.equal(await world.erasures().step(), false)
  t.strictSame(await world.states(), { requested: 1 })
  t.equal(await world.erasures({ keyTtlMs: 1_000 }).step(), true)
  await world.finish()
  t.strictSame(await world.states(), { executed: 1 })
})

t.test('a hold that comes while an erasure waits for somebody stops it', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.reached(await world.send(eventsOf('u-raced', 4)))
  const { ref, position } = await world.request('u-raced')
  await worker.reached(position)
  await world.eraser.close('acme', [ref])
  const place = async (n: number, scope: Parameters<typeof holdPlacedEvent>[2]['data']['scope']) =>
    await world.ledger.recordOwn('acme', [holdPlacedEvent('acme', uuid(n), {
      actor: KEY, data: { scope, reason: 'case', until: null }
    })])
  await place(1, { kind: 'subject', type: 'user', ref })
  t.equal(await world.erasures().step(), false)
  t.match(await world.vault.find('acme', { type: 'user', id: 'u-raced' }), { ref, closed: false },
    'it is open again')
  const [receipt] = await world.ledger.recordOwn('acme', [holdReleasedEvent('acme', uuid(1), {
    actor: KEY, data: { reason: null }
  })])
  await worker.reached(receipt?.position ?? 0n)
  await place(2, { kind: 'entity', type: 'order', key: 'another' })
  await world.finish()
  t.match(await world.rows('select holds_checked, holds from read.erasure'),
    [{ holds_checked: 1, holds: JSON.stringify([uuid(2)]) }], 'a hold on others is on record')
})

t.test('held requests take nobody\'s place, however many and old they are', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  const users = ['u-held-1', 'u-held-2', 'u-free']
  await worker.reached(await world.send(users.flatMap((user) => eventsOf(user, 4))))
  const requests = []
  for (const user of users) requests.push(await world.request(user))
  for (const [n, { ref }] of requests.slice(0, 2).entries()) {
    await world.ledger.recordOwn('acme', [holdPlacedEvent('acme', uuid(n + 1), {
      actor: KEY,
      data: { scope: { kind: 'subject', type: 'user', ref }, reason: 'case', until: null }
    })])
  }
  const erasures = world.erasures({ togetherMax: 1 })
  await until('the newest request', async () => {
    await erasures.step()
    return (await world.states())['executed'] === 1
  })
  t.strictSame(await world.states(), { executed: 1, requested: 2 })
})

import t from 'tap'
import { HELD_ENTRY, heldBy } from '../../projections/erasure-records/holds.ts'
import { HOLDS_MAX } from '../../schemas/http/holds.ts'
import { inTenant } from '../../src/postgres/transaction.ts'
import { createEraser } from '../../src/privacy/eraser.ts'
import { erasingService, person } from './erasing.ts'
import { until, type Answer } from './service.ts'

const { append, send, ask, become, get, database } = await erasingService(t)

t.test('a hold refuses, queues, and lets go when released', async (t) => {
  const order = { type: 'order', id: 'held-order' }
  await append('acme', ['subject', 'entity', 'tenant'].map((scope) =>
    person(`u-held-${scope}`, scope === 'entity' ? { entity: order } : {})))
  const scopes = {
    subject: { subject: { type: 'user', id: 'u-held-subject' } },
    entity: { entity: order },
    tenant: { tenant: true }
  }
  for (const [scope, on] of Object.entries(scopes)) {
    const placed = await send('acme.compliance', '/v1/holds', { ...on, reason: 'Case 7' })
    t.equal(placed.statusCode, 201, placed.body)
    const hold = placed.json().id
    const refused = await ask(`u-held-${scope}`)
    t.equal(refused.statusCode, 409, refused.body)
    t.match(refused.json(), { type: '/problems/legal-hold', holds: [hold] })
    const { erasure } = refused.json()
    const queued = (await get(`/v1/erasures/${erasure}`)).json()
    t.match(queued, { state: 'requested', waitingFor: ['hold'], heldBy: [hold] })
    t.equal((await get(`/v1/erasures/${erasure}/certificate`)).statusCode, 409)
    t.equal((await get(`/v1/users/u-held-${scope}/events`)).statusCode, 200)
    t.match((await get('/v1/holds?active=true')).json().items, [{ id: hold, active: true }])
    const released = await send('acme.compliance', `/v1/holds/${hold}/release`, { reason: 'Over' })
    t.match(released.json(), { active: false, releaseReason: 'Over' })
    const twice = await send('acme.compliance', `/v1/holds/${hold}/release`)
    t.strictSame(twice.json(), released.json())
    await become(erasure, 'executed')
  }
  t.strictSame((await get('/v1/holds?active=true')).json().items, [])
  t.equal((await get('/v1/holds')).json().items.length, 3)
})

t.test('a hold that ends by itself lets go', async (t) => {
  await append('acme', person('u-until'))
  const until = new Date(Date.now() + 700).toISOString()
  await send('acme.compliance', '/v1/holds', { tenant: true, reason: 'For a moment', until })
  const refused = await ask('u-until')
  t.equal(refused.statusCode, 409)
  await become(refused.json().erasure, 'executed')
})

t.test('what is held can be asked for in SQL, for whatever else removes rows', async (t) => {
  const [held, free] = await append('acme', [
    person('u-rows', { entity: { type: 'order', id: 'held-rows' } }),
    person('u-rows', { entity: { type: 'order', id: 'free-rows' } })
  ]).then(({ items }) => items.map(({ receipt }: { receipt: { id: string } }) => receipt.id))
  const pool = database.pool('ledger_api')
  const ids = async (): Promise<string[]> => await inTenant(pool, 'acme', async (tx) =>
    (await tx.query<{ id: string }>(`select e.id from read.entry e
      where e.id = any($1) and ${HELD_ENTRY}`, [[held, free]])).rows.map(({ id }) => id))
  t.strictSame(await ids(), [])
  const hold = async (on: object): Promise<string> =>
    (await send('acme.compliance', '/v1/holds', { ...on, reason: 'case' })).json().id
  const entity = await hold({ entity: { type: 'order', id: 'held-rows' } })
  t.strictSame(await until(ids, (found) => found.length === 1), [held])
  const subject = await hold({ subject: { type: 'user', id: 'u-rows' } })
  t.strictSame((await until(ids, (found) => found.length === 2)).sort(), [held, free].sort())
  const { scope: { ref } } = (await get('/v1/holds')).json().items[0]
  t.strictSame(await inTenant(pool, 'acme', async (tx) => await heldBy(tx, 'acme', ref)),
    [entity, subject].sort())
  for (const id of [entity, subject]) await send('acme.compliance', `/v1/holds/${id}/release`)
  t.strictSame(await until(ids, (found) => found.length === 0), [])
})

t.test('who comes back while an erasure waits is held, told and erased whole', async (t) => {
  const subject = { type: 'user', id: 'u-back' }
  await append('acme', person('u-back'))
  const report = async (): Promise<string[]> =>
    (await get('/v1/subjects/user/u-back/report', 'acme.compliance')).body.trim().split('\n')
  const headOf = ([head = '']: string[]): any => JSON.parse(head) // eslint-disable-line
  const older = headOf(await report()).subject.ref
  // As a worker does before the order, which then has to wait for somebody.
  const eraser = createEraser(database.pool('ledger_vault'))
  await eraser.close('acme', [older])
  t.ok(await eraser.forgotten(5_000))
  const placed = await send('acme.compliance', '/v1/holds', { subject, reason: 'case 8' })
  await append('acme', person('u-back', { entity: { type: 'order', id: 'back' } }))
  const { ref } = placed.json().scope
  t.not(ref, older)
  t.match(placed.json(), { scope: { kind: 'subject', ref, others: [older] } })

  const refused = await ask('u-back')
  t.equal(refused.statusCode, 409, refused.body)
  const both = (await get('/v1/erasures?state=requested')).json().items
  t.match(both, [{ subject: { ref }, waitingFor: ['hold'] },
    { subject: { ref: older }, waitingFor: ['hold'] }])
  t.equal((await get('/v1/users/u-back/events?count=exact')).json().items.length, 2, 'the feed')
  const lines = await report()
  t.match(headOf(lines), { subject: { ref }, counts: { events: 2, erasures: 2, holds: 1 } })
  const events = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'event')
  t.match(events, [{ event: { actor: { id: 'u-back' } } }, { event: { actor: { id: 'u-back' } } }])

  await send('acme.compliance', `/v1/holds/${placed.json().id}/release`)
  for (const { id } of both) await become(id, 'executed')
  t.equal((await get('/v1/users/u-back/events')).statusCode, 404)
})

t.test('a hold that makes no sense is refused', async (t) => {
  const subject = { type: 'user', id: 'u-matrix' }
  const holds: Array<[object, string]> = [
    [{ reason: 'x' }, ''], [{ tenant: true, subject, reason: 'x' }, ''],
    [{ tenant: false, reason: 'x' }, '/tenant'],
    [{ subject, reason: 'of u-matrix' }, '/reason'],
    [{ tenant: true, reason: 'x', until: '2020-01-01T00:00:00.000Z' }, '/until']
  ]
  for (const [payload, pointer] of holds) {
    const answer = await send('acme.compliance', '/v1/holds', payload)
    t.equal(answer.statusCode, 400, answer.body)
    t.equal(answer.json().violations[0].pointer, pointer)
  }
})

t.test(`${HOLDS_MAX} holds are active, and not one more`, async (t) => {
  const superuser = database.pool(undefined, { url: database.superuserUrl })
  const leave = `
    insert into read.hold (tenant, id, position, kind, scope_keys, reason, placed_at, placed_by)
    select 'globex', gen_random_uuid(), n, 'subject', '{}', 'r', now(), 'k'
    from generate_series(1, $1) n`
  await superuser.query(leave, [HOLDS_MAX - 1])
  const place = async (): Promise<Answer> =>
    await send('globex.compliance', '/v1/holds', { tenant: true, reason: 'x' })
  t.equal((await place()).statusCode, 201)
  const refused = await until(place, ({ statusCode }) => statusCode !== 201)
  t.match(refused.json(), { status: 409, type: '/problems/wrong-state', detail: /1000 holds/ })
})

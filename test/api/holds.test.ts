import t from 'tap'
import { HELD_ENTRY, heldBy } from '../../projections/erasure-records/holds.ts'
import { inTenant } from '../../src/postgres/transaction.ts'
import { erasingService, person } from './erasing.ts'
import { until } from './service.ts'

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

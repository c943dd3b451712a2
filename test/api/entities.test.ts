import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { event, testService, type Answer } from './service.ts'

const service = await testService(t)
const { call, append } = service
const read = async (url: string): Promise<Answer> => await call('acme.auditor', url)

/** An order that was created, paid, noted and cancelled; its receipts in that order. */
async function order (id: string) {
  const entity = { type: 'order', id }
  const steps = [
    { day: '04', after: { status: 'open', total: 7 }, data: { operation: 'create' } },
    { day: '01', before: { status: 'open' }, after: { status: 'paid' } },
    { day: '03', changes: [{ path: '/notes/0', after: 'fragile' }] },
    { day: '05', before: { status: 'paid' }, data: { operation: 'delete' } }
  ]
  const receipts: Array<Record<string, string>> = []
  for (const { day, ...step } of steps) {
    const occurredAt = `2026-01-${day}T00:00:00Z`
    receipts.push(await append('acme', event({ entity, occurredAt, ...step })))
    // Two events of one millisecond cannot be told apart by time.
    await sleep(2)
  }
  return receipts
}

const receipts = await order('o-1')
const [created, paid, noted, deleted] = receipts
const at = (revision: number): object => ({ asOf: { revision: String(revision) } })

t.test('the state at a revision, a position and a time is that of just then', async (t) => {
  const rows: Array<[at: string | undefined, answer: object]> = [
    ['0', { ...at(0), exists: true, state: { status: 'open', total: 7 }, events: 1 }],
    ['1', { setBy: { '/status': { revision: '1' }, '/total': { revision: '0' } } }],
    ['revision:1', { ...at(1), state: { status: 'paid', total: 7 } }],
    ['2', { ...at(2), state: { status: 'paid', total: 7, notes: { 0: 'fragile' } } }],
    ['3', { ...at(3), exists: false, state: null }],
    [undefined, { ...at(3), exists: false, state: null, events: 4 }],
    [`position:${noted?.['position']}`, at(2)],
    [`position:${BigInt(String(noted?.['position'])) - 1n}`, at(1)],
    [created?.['recordedAt'], at(0)],
    [paid?.['recordedAt'], at(1)],
    [deleted?.['recordedAt'], at(3)],
    ['2025-01-01T00:00:00Z', { asOf: null, exists: false, state: null, events: 0 }]
  ]
  for (const [moment, wanted] of rows) {
    const query = moment === undefined ? '' : `?at=${moment}`
    const answer = await read(`/v1/entities/order/o-1/state${query}`)
    t.equal(answer.statusCode, 200, answer.body)
    const entity = { type: 'order', id: 'o-1' }
    t.match(answer.json(), { entity, hidden: 0, ...wanted }, String(moment))
  }
})

t.test('by the producers\' clocks, events count in their own order', async (t) => {
  const state = async (time: string): Promise<object> =>
    (await read(`/v1/entities/order/o-1/state?axis=occurred&at=${time}`)).json()
  t.match(await state('2026-01-02T00:00:00Z'),
    { asOf: { revision: '1' }, state: { status: 'paid' }, events: 1 })
  t.match(await state('2026-01-03T00:00:00Z'), { asOf: { revision: '2' }, events: 2 })
  t.match(await state('2026-01-04T00:00:00Z'),
    { asOf: { revision: '0' }, state: { status: 'open', total: 7 }, events: 3 })
})

t.test('a moment that nobody knows of is refused, never answered by another', async (t) => {
  const rows: Array<[query: string, status: number, type: string]> = [
    ['at=4', 404, 'not-found'],
    ['at=revision:99', 404, 'not-found'],
    ['at=position:999999999999', 404, 'not-found'],
    [`at=${new Date(Date.now() + 60_000).toISOString()}`, 400, 'invalid-request'],
    ['at=yesterday', 400, 'invalid-request'],
    ['axis=imagined', 400, 'invalid-request']
  ]
  for (const [query, status, type] of rows) {
    const answer = await read(`/v1/entities/order/o-1/state?${query}`)
    t.equal(answer.statusCode, status, `${query}: ${answer.body}`)
    t.equal(answer.json().type, `/problems/${type}`)
  }
  t.equal((await read('/v1/entities/order/never/state?at=0')).statusCode, 404)
  t.match((await read('/v1/entities/order/never/state')).json(),
    { exists: false, asOf: null, events: 0 })
})

t.test('while reads are behind, a time that they do not reach is not answered', async (t) => {
  const entity = { type: 'order', id: 'late' }
  await append('acme', event({ entity, after: { n: 1 } }))
  await service.stopWorker()
  await call('acme.producer', {
    method: 'POST', url: '/v1/events', payload: event({ entity, after: { n: 2 } })
  })
  const now = new Date().toISOString()
  const answer = await read(`/v1/entities/order/late/state?at=${now}`)
  t.equal(answer.statusCode, 503, answer.body)
  t.match(answer.json(), { type: '/problems/lagging' })
  const tip = (await read('/v1/entities/order/late/state')).json()
  t.match(tip, { asOf: { revision: '0' }, state: { n: 1 } }, 'what reads show now says what it is')
  service.startWorker()
  const later = await read(`/v1/entities/order/late/state?at=${now}`)
  if (later.statusCode === 503) t.match(later.json(), { type: '/problems/lagging' })
  else t.match(later.json(), { asOf: { revision: '1' }, state: { n: 2 } })
})

t.test('two moments are compared by what differs', async (t) => {
  const diff = async (query: string): Promise<Answer> =>
    await read(`/v1/entities/order/o-1/diff?${query}`)
  t.match((await diff('from=0&to=2')).json(), {
    from: { revision: '0' },
    to: { revision: '2' },
    changes: [
      { path: '/status', before: 'open', after: 'paid' },
      { path: '/notes', after: { 0: 'fragile' } }
    ]
  })
  t.strictSame((await diff('from=1&to=1')).json().changes, [])
  t.strictSame((await diff('from=2025-01-01T00:00:00Z&to=0')).json().changes,
    [{ path: '', after: { status: 'open', total: 7 } }])
  t.equal((await diff('to=1')).statusCode, 400)
  t.equal((await diff('from=0&to=9')).statusCode, 404)
})

t.test('the state of a person is found by who knows the id', async (t) => {
  await append('acme', event({
    entity: { type: 'customer', id: 'c-1', name: 'Carol' }, after: { tier: 'gold' }
  }))
  const answer = await read('/v1/entities/customer/c-1/state?at=0')
  t.match(answer.json(), { state: { tier: 'gold' }, asOf: { revision: '0' } })
  t.equal((await read('/v1/entities/customer/c-2/state?at=0')).statusCode, 404)
})

t.test('an entity may be called anything', async (t) => {
  for (const id of ['a/b', 'ünï cødé', '%41', "o'brien", 'a..b', '-', 'x'.repeat(256)]) {
    await append('acme', event({ entity: { type: 'odd-type', id }, after: { id } }))
    const answer = await read(`/v1/entities/odd-type/${encodeURIComponent(id)}/state?at=0`)
    t.match(answer.json(), { entity: { id }, state: { id } }, id)
  }
})

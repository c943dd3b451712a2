import { gzipSync } from 'node:zlib'
import t from 'tap'
import { BATCH_MAX_BYTES, BATCH_MAX_EVENTS, EVENT_MAX_BYTES } from '../../schemas/primitives.ts'
import { event, testService, type Answer } from './service.ts'

const service = await testService(t)
const { call, append } = service
const URL = '/v1/events'

async function post (payload: string | object, headers: object = {}): Promise<Answer> {
  return await call('acme.producer', {
    method: 'POST', url: URL, payload, headers: { 'content-type': 'application/json', ...headers }
  })
}

const id = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
const ndjson = (...events: unknown[]): string => events.map((one) => JSON.stringify(one)).join('\n')

t.test('one event is recorded and answered by its receipt', async (t) => {
  const answer = await post(event({ id: id(1) }))
  t.equal(answer.statusCode, 201, answer.body)
  const receipt = answer.json()
  t.match(receipt, { id: id(1), stream: 'acme.order-456', revision: '0', duplicate: false })
  t.match(receipt.leafHash, /^[0-9a-f]{64}$/)
  t.equal(answer.headers['ledger-position'], receipt.position)
})

t.test('the same event again is answered by the first receipt, and 200', async (t) => {
  const first = await post(event({ id: id(2), description: 'once' }))
  const again = await post(event({ id: id(2), description: 'once' }))
  t.equal(again.statusCode, 200, again.body)
  t.strictSame(again.json(), { ...first.json(), duplicate: true })
})

t.test('the same id with other content is refused', async (t) => {
  await post(event({ id: id(3), description: 'one' }))
  const other = await post(event({ id: id(3), description: 'other' }))
  t.equal(other.statusCode, 409)
  t.match(other.json(), { type: '/problems/id-reused', status: 409 })
})

t.test('an array is answered item by item, in order', async (t) => {
  const answer = await post([event({ id: id(10) }), event({ id: id(11) })])
  t.equal(answer.statusCode, 201, answer.body)
  t.match(answer.json().items, [
    { status: 201, receipt: { id: id(10) } }, { status: 201, receipt: { id: id(11) } }
  ])
})

t.test('of a mixed batch the good ones are recorded and the bad ones explained', async (t) => {
  const answer = await post(ndjson(
    event({ id: id(20), entity: { type: 'mixed', id: '1' } }),
    event({ id: id(21), entity: { type: 'mixed', id: '1' }, outcome: 'perhaps' }),
    event({ id: id(20), entity: { type: 'mixed', id: '1' } })
  ) + '\n{"broken\n', { 'content-type': 'application/x-ndjson' })
  t.equal(answer.statusCode, 207, answer.body)
  const { items } = answer.json()
  t.strictSame(items.map(({ status }: { status: number }) => status), [201, 400, 200, 400])
  t.match(items[1].problem, {
    type: '/problems/invalid-event', violations: [{ pointer: '/outcome' }]
  })
  t.match(items[3].problem, { type: '/problems/invalid-json' })
  await append('acme', event({ entity: { type: 'mixed', id: '2' } }))
  const trail = await call('acme.auditor', '/v1/entities/mixed/1/events')
  t.strictSame(trail.json().items.map((item: { id: string }) => item.id), [id(20)],
    'nothing of a refused event is in the log')
})

t.test('NDJSON and an array of one are answered as lists', async (t) => {
  for (const [payload, type] of [
    [ndjson(event()), 'application/x-ndjson'], [JSON.stringify([event()]), 'application/json']
  ]) {
    const answer = await post(payload ?? '', { 'content-type': type })
    t.equal(answer.statusCode, 201, answer.body)
    t.equal(answer.json().items.length, 1)
  }
})

t.test('an Idempotency-Key makes a repeated request safe', async (t) => {
  const events = [event({ action: 'order.paid' }), event({ action: 'order.sent' })]
  const first = await post(events, { 'idempotency-key': 'req-1' })
  const again = await post(events, { 'idempotency-key': 'req-1' })
  const other = await post(events, { 'idempotency-key': 'req-2' })
  const ids = (answer: Answer): string[] =>
    answer.json().items.map(({ receipt }: { receipt: { id: string } }) => receipt.id)
  t.strictSame(ids(again), ids(first))
  t.ok(again.json().items.every(({ status }: { status: number }) => status === 200))
  t.notSame(ids(other), ids(first))
  t.equal(new Set([...ids(first), ...ids(other)]).size, 4)
})

t.test('the same Idempotency-Key of another tenant makes other ids', async (t) => {
  const request = {
    method: 'POST' as const, url: URL, payload: event(), headers: { 'idempotency-key': 'shared' }
  }
  const one = await call('acme.producer', request)
  const other = await call('globex.producer', request)
  t.strictSame([one.statusCode, other.statusCode], [201, 201])
  t.not(one.json().id, other.json().id)
})

t.test('Prefer: wait answers when reads show the event', async (t) => {
  const answer = await post(event({ id: id(30) }), { prefer: 'respond-async, wait=10' })
  t.equal(answer.statusCode, 201)
  t.equal(answer.headers['preference-applied'], 'wait=10')
  t.equal(answer.json().projected, true)
  t.equal((await call('acme.auditor', `/v1/events/${id(30)}`)).statusCode, 200)
})

t.test('Prefer: wait says when reads do not show it in time', async (t) => {
  await service.stopWorker()
  t.teardown(service.startWorker)
  const answer = await post(event({ id: id(31) }), { prefer: 'wait=1' })
  t.equal(answer.statusCode, 201)
  t.equal(answer.json().projected, false)
})

t.test('a source is the name of the key, whatever is sent', async (t) => {
  const { id } = await append('acme', event({ entity: { type: 'sourced', id: '1' } }))
  const answer = await call('acme.auditor', `/v1/events/${id}`)
  t.equal(answer.json().source, 'producer')
})

const much = (bytes: number): string => {
  const text = JSON.stringify(event({ data: { filler: '' } }))
  return text.replace('"filler":""', `"filler":"${'x'.repeat(bytes - text.length)}"`)
}
const small = JSON.stringify(event())

t.test('what cannot be taken is refused with its place', async (t) => {
  type Row = [name: string, body: string, status: number, type: string, pointer?: string]
  const rows: Row[] = [
    ['no body', '', 400, 'invalid-json'],
    ['an empty array', '[]', 400, 'invalid-request'],
    ['no JSON', '{"a":', 400, 'invalid-json', ''],
    ['a number', '7', 400, 'invalid-event', ''],
    ['a member given twice', small.replace('{', '{"outcome":"failure",'), 400, 'invalid-json',
      '/outcome'],
    ['an unknown member', small.replace('{', '{"nope":1,'), 400, 'invalid-event', '/nope'],
    ['an integer beyond 2^53', small.replace('{', '{"data":{"n":9007199254740993},'), 400,
      'invalid-json', '/data/n'],
    ['a prototype', small.replace('{', '{"data":{"__proto__":{}},'), 400, 'invalid-json',
      '/data/__proto__'],
    ['a reserved action', small.replace('order.updated', 'ledger.erased'), 400, 'invalid-event',
      '/action'],
    ['text where an object belongs', small.replace('{"type":"order","id":"456"}', '"order"'), 400,
      'invalid-event', '/entity'],
    ['an event beyond its limit', much(EVENT_MAX_BYTES + 1), 413, 'event-too-large', ''],
    ['too many events', `[${Array(BATCH_MAX_EVENTS + 1).fill('{}').join()}]`, 413,
      'payload-too-large'],
    ['a body beyond its limit', ' '.repeat(BATCH_MAX_BYTES + 1), 413, 'payload-too-large']
  ]
  for (const [name, body, status, type, pointer] of rows) {
    const answer = await post(body)
    t.equal(answer.statusCode, status, `${name}: ${answer.body.slice(0, 200)}`)
    t.match(answer.headers['content-type'], /^application\/problem\+json/, name)
    const problem = answer.json()
    t.equal(problem.type, '/problems/' + type, name)
    t.equal(problem.instance, answer.headers['x-request-id'], name)
    if (pointer !== undefined) t.equal(problem.violations[0].pointer, pointer, name)
  }
})

t.test('what is just within a limit is taken', async (t) => {
  const spaces = ' '.repeat(BATCH_MAX_BYTES - small.length)
  t.equal((await post(`[${Array(BATCH_MAX_EVENTS).fill(small).join()}]`)).statusCode, 201)
  // The event as sent may have 64 KiB; its record, which is another text, has a limit of its own.
  t.not((await post(much(EVENT_MAX_BYTES))).json().type, '/problems/invalid-json')
  t.equal((await post(much(EVENT_MAX_BYTES - 2_048))).statusCode, 201)
  t.equal((await post(`[${small}]${spaces.slice(2)}`)).statusCode, 201)
})

t.test('content types are taken in exactly their own spelling', async (t) => {
  const rows: Array<[string | undefined, number]> = [
    ['application/json', 201],
    ['Application/JSON', 201],
    ['application/json; charset=utf-8', 201],
    ['application/json;charset="utf-8"', 201],
    ['application/json; charset=latin1', 415],
    ['application/json\t', 415],
    ['application/json ; a=b', 415],
    ['application/json; charset=utf-8; a=b', 415],
    ['application/jsonx', 415],
    ['application/json, text/plain', 415],
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['', 415]
  ]
  for (const [type, status] of rows) {
    const answer = await post(small, { 'content-type': type })
    t.equal(answer.statusCode, status, `${JSON.stringify(type)}: ${answer.body.slice(0, 100)}`)
  }
})

t.test('a compressed body is refused as that', async (t) => {
  for (const coding of ['gzip', 'br', 'identity, gzip']) {
    const answer = await post(gzipSync(small), { 'content-encoding': coding })
    t.match(answer.json(), { status: 415, detail: /no Content-Encoding is taken/ }, coding)
  }
  t.equal((await post(small, { 'content-encoding': 'Identity' })).statusCode, 201)
})

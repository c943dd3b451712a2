import t from 'tap'
import { EVENT_MAX_BYTES } from '../../schemas/limits.ts'
import { event, testService, type Answer } from './service.ts'

const { call, append } = await testService(t)
const ONE = 'application/cloudevents+json'
const BATCH = 'application/cloudevents-batch+json'

async function post (payload: unknown, type = ONE, tenant = 'acme'): Promise<Answer> {
  return await call(`${tenant}.producer`, {
    method: 'POST',
    url: '/v1/events',
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    headers: { 'content-type': type }
  })
}

/** An event without what its envelope says. */
function inner (said: object = {}): Record<string, unknown> {
  const { action: _, ...members } = event(said)
  return members
}

function cloud (said: object = {}): Record<string, unknown> {
  return {
    specversion: '1.0',
    id: 'A-1',
    source: '/shop/orders',
    type: 'order.updated',
    data: inner(),
    ...said
  }
}

const id = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`

t.test('one CloudEvent is an event, and nothing of it is lost', async (t) => {
  const sent = cloud({
    id: id(1),
    time: '2026-01-02T03:04:05.678Z',
    subject: 'order 456',
    dataschema: 'https://example.com/order.json',
    datacontenttype: 'application/json',
    partition: 7,
    sampled: true,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    unset: null,
    data: inner({ data: { operation: 'update', more: 1 }, before: { a: 1 }, after: { a: 2 } })
  })
  const answer = await post(sent, `${ONE}; charset=utf-8`)
  t.equal(answer.statusCode, 201, answer.body)
  t.match(answer.json(), { id: id(1), stream: 'acme.order-456', duplicate: false })
  await append('acme', event())
  const { data, ...seen } = (await call('acme.auditor', `/v1/events/${id(1)}`)).json()
  t.match(seen, {
    action: 'order.updated',
    category: 'change',
    occurredAt: '2026-01-02T03:04:05.678Z',
    source: 'producer',
    before: { a: 1 },
    after: { a: 2 }
  })
  const { data: _, unset: __, ...envelope } = sent
  t.strictSame(data, { operation: 'update', more: 1, cloudEvent: envelope })
})

t.test('one that is sent again is the same event, whatever its id looks like', async (t) => {
  const first = await post(cloud())
  t.equal(first.statusCode, 201, first.body)
  const again = await post(cloud())
  t.equal(again.statusCode, 200, again.body)
  t.strictSame(again.json(), { ...first.json(), duplicate: true })
  t.match(first.json().id, /^[0-9a-f]{8}-[0-9a-f]{4}-8/, 'made of source and id')
  const other = await post(cloud({ source: '/shop/returns' }))
  t.equal(other.statusCode, 201)
  t.not(other.json().id, first.json().id, 'an id counts with its source')
  t.not((await post(cloud(), ONE, 'globex')).json().id, first.json().id, 'and with its tenant')
  const changed = await post(cloud({ subject: 'another' }))
  t.equal(changed.statusCode, 409, changed.body)
  t.match(changed.json(), { type: '/problems/id-reused' })
})

t.test('a batch is answered item by item', async (t) => {
  const answer = await post([
    cloud({ id: id(20) }), cloud({ id: id(21), specversion: '0.3' }), cloud({ id: id(20) })
  ], BATCH)
  t.equal(answer.statusCode, 207, answer.body)
  const { items } = answer.json()
  t.strictSame(items.map(({ status }: { status: number }) => status), [201, 400, 200])
  t.match(items[1].problem, {
    type: '/problems/invalid-event', violations: [{ pointer: '/specversion' }]
  })
  const whole = await post([cloud({ id: id(22) }), cloud({ id: id(23) })], BATCH)
  t.equal(whole.statusCode, 201)
})

t.test('what cannot be taken is refused with its place in the CloudEvent', async (t) => {
  const { id: _, ...noId } = cloud()
  const { data: __, ...noData } = cloud()
  const text = JSON.stringify(cloud())
  const rows: Array<[name: string, body: unknown, pointer: string]> = [
    ['no id', noId, '/id'],
    ['an id that is null, which is none', cloud({ id: null }), '/id'],
    ['an id that is empty', cloud({ id: '' }), '/id'],
    ['an id one longer than its limit', cloud({ id: 'x'.repeat(257) }), '/id'],
    ['no data', noData, '/data'],
    ['data that is text', cloud({ data: '{}' }), '/data'],
    ['data in base64', { ...noData, data_base64: 'e30=' }, '/data'],
    ['a type that is no action', cloud({ type: 'com.example.Order' }), '/type'],
    ['a reserved action', cloud({ type: 'ledger.erased' }), '/type'],
    ['a time with an offset', cloud({ time: '2026-01-02T03:04:05+01:00' }), '/time'],
    ['another content', cloud({ datacontenttype: 'text/xml' }), '/datacontenttype'],
    ['an attribute that is an object', cloud({ ext: {} }), '/ext'],
    ['an attribute with a name of its own', cloud({ data_ref: 'x' }), '/data_ref'],
    ['an unknown member of the event', cloud({ data: inner({ nope: 1 }) }), '/data/nope'],
    ['a wrong member of the event', cloud({ data: inner({ outcome: 'maybe' }) }), '/data/outcome'],
    ['data of the event that is none', cloud({ data: inner({ data: [] }) }), '/data/data'],
    ['another action', cloud({ data: event({ action: 'order.paid' }) }), '/data/action'],
    ['another id', cloud({ data: inner({ id: id(1) }) }), '/data/id'],
    ['a time in the event alone', cloud({ data: inner({ occurredAt: '2026-01-02T03:04:05Z' }) }),
      '/data/occurredAt'],
    ['the envelope\'s own place', cloud({ data: inner({ data: { cloudEvent: 1 } }) }),
      '/data/data/cloudEvent'],
    ['an attribute given twice', text.replace('{', '{"id":"B",'), '/id'],
    ['an array', [cloud()], '']
  ]
  for (const [name, body, pointer] of rows) {
    const answer = await post(body)
    t.equal(answer.statusCode, 400, `${name}: ${answer.body.slice(0, 200)}`)
    t.equal(answer.json().violations[0].pointer, pointer, `${name}: ${answer.body}`)
  }
  t.equal((await post(cloud({ ext: 'x'.repeat(EVENT_MAX_BYTES) }))).statusCode, 413)
  t.equal((await post(cloud({ id: 'x'.repeat(256) }))).statusCode, 201, 'just within')
  const said = cloud({ id: id(30), time: '2026-01-02T03:04:05Z' })
  const same = { id: id(30), action: 'order.updated', occurredAt: '2026-01-02T03:04:05Z' }
  t.equal((await post({ ...said, data: inner(same) })).statusCode, 201, 'the same said twice')
})

t.test('bodies and types must be what they say', async (t) => {
  t.equal((await post(cloud(), BATCH)).statusCode, 400, 'one is no batch')
  t.equal((await post('[]', BATCH)).statusCode, 400)
  t.equal((await post('[', BATCH)).statusCode, 400)
  t.equal((await post(cloud(), 'application/json')).statusCode, 400, 'an envelope is no event')
  for (const type of [`${ONE}; charset=latin1`, 'application/cloudevents', `${ONE}; a=b`,
    'application/cloudevents+avro', 'application/cloudevents-batch+jsonx']) {
    t.equal((await post(cloud(), type)).statusCode, 415, type)
  }
  const hold = await call('acme.compliance', {
    method: 'POST', url: '/v1/holds', payload: '{}', headers: { 'content-type': ONE }
  })
  t.equal(hold.statusCode, 415, 'nowhere else')
})

import t from 'tap'
import {
  AbortedError, BufferFullError, ClosedError, FlushError, RefusedError, UnsendableError
} from '../../src/client/errors.ts'
import type { ClientError } from '../../src/client/errors.ts'
import { BATCH_MAX_EVENTS, EVENT_MAX_BYTES } from '../../schemas/primitives.ts'
import { CATEGORIES } from '../../schemas/events/index.ts'
import { buffered, categories } from '../../src/client/categories.ts'
import { createClient } from '../../src/client/client.ts'
import { listeningLedger, orderEvent } from './ledger.ts'

const ledger = await listeningLedger(t)
const { trail } = ledger

t.test('an appended event is in the log when its receipt is there', async (t) => {
  const client = ledger.client(t)
  const receipt = await client.append(orderEvent('1', { description: 'one' }))
  t.match(receipt, { stream: 'acme.order-1', revision: '0', duplicate: false })
  t.match(receipt.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/, 'a UUIDv7 of the client')
  t.strictSame(await trail('order:1'), [receipt.id])
})

t.test('an id and a time that are given are kept, others are those of the call', async (t) => {
  const at = Date.UTC(2026, 0, 2)
  const client = ledger.client(t, { now: () => at })
  const id = '00000000-0000-7000-8000-000000000001'
  const occurredAt = '2025-05-05T05:05:05.000Z'
  await client.append(orderEvent('2', { id, occurredAt }))
  const later = await client.append(orderEvent('2'))
  await ledger.append('acme', { ...orderEvent('2-wait') })
  const seen = async (id: string) => (await ledger.call('acme.auditor', `/v1/events/${id}`)).json()
  t.equal((await seen(id)).occurredAt, occurredAt)
  t.equal((await seen(later.id)).occurredAt, new Date(at).toISOString())
})

t.test('of many events each has its own outcome, in order', async (t) => {
  const client = ledger.client(t)
  const [first, unknown, reused, huge, last] = await client.appendAll([
    orderEvent('3', { id: '00000000-0000-7000-8000-000000000010' }),
    { ...orderEvent('3'), nope: 1 } as never,
    orderEvent('3', { id: '00000000-0000-7000-8000-000000000010', description: 'other' }),
    orderEvent('3', { data: { filler: 'x'.repeat(EVENT_MAX_BYTES) } }),
    orderEvent('3')
  ])
  const errorOf = (outcome: typeof first): ClientError | undefined =>
    outcome?.ok === false ? outcome.error : undefined
  t.ok(first?.ok)
  t.ok(last?.ok)
  const refused = errorOf(unknown)
  t.ok(refused instanceof RefusedError)
  t.match(refused, {
    status: 400, problem: { type: '/problems/invalid-event' }, violations: [{ pointer: '/nope' }]
  })
  t.match(errorOf(reused), { status: 409, problem: { type: '/problems/id-reused' } })
  t.ok(errorOf(huge) instanceof UnsendableError)
  t.equal((await trail('order:3')).length, 2)
  t.match(client.stats(), { recorded: 2, failed: 2, buffered: 0, bufferedBytes: 0 })
})

t.test('one that is refused rejects with the place', async (t) => {
  const client = ledger.client(t)
  await t.rejects(client.append(orderEvent('4', { tags: ['a', 'a'] })), {
    name: 'RefusedError', violations: [{ pointer: '/tags/1' }], event: { tags: ['a', 'a'] }
  })
})

t.test('more than a request holds goes in several, in order', async (t) => {
  const client = ledger.client(t, { batch: { events: BATCH_MAX_EVENTS, lingerMs: 0 } })
  const events = Array.from({ length: BATCH_MAX_EVENTS + 1 }, () => orderEvent('5'))
  const outcomes = await client.appendAll(events)
  const ids = outcomes.map((outcome) => outcome.ok ? outcome.receipt.id : 'failed')
  t.strictSame(await trail('order:5'), ids)
})

t.test('a request is no larger than it may be', async (t) => {
  const sizes: number[] = []
  const client = ledger.client(t, {
    batch: { bytes: 100_000 },
    fetch: async (url, init) => {
      sizes.push(Buffer.byteLength(String(init?.body)))
      return await fetch(url, init)
    }
  })
  const data = { filler: 'ä'.repeat(8_000) }
  await client.appendAll(Array.from({ length: 20 }, () => orderEvent('6', { data })))
  t.equal((await trail('order:6')).length, 20)
  t.ok(sizes.every((size) => size <= 100_000), String(sizes))
  t.ok(sizes.length < 10, 'and not much smaller')
})

t.test('recorded events arrive by themselves, and a flush waits for them', async (t) => {
  const client = ledger.client(t, { batch: { lingerMs: 60_000 } })
  for (let n = 0; n < 10; n++) await client.record(orderEvent('7', { description: String(n) }))
  t.match(client.stats(), { buffered: 10, recorded: 0 })
  await client.flush()
  t.match(client.stats(), { buffered: 0, recorded: 10 })
  const lingering = ledger.client(t)
  await lingering.record(orderEvent('7'))
  while (lingering.stats().recorded === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal((await trail('order:7')).length, 11)
})

t.test('recorded events that are refused are told of, once', async (t) => {
  const told: ClientError[] = []
  const client = ledger.client(t, { onFailure: (failures) => told.push(...failures) })
  await client.record(orderEvent('8', { tags: ['a', 'a'] }))
  await client.record(orderEvent('8'))
  await t.rejects(client.flush(), { name: 'FlushError', count: 1, failures: [{ status: 400 }] })
  t.match(told, [{ name: 'RefusedError' }])
  await client.flush()
  t.equal((await trail('order:8')).length, 1)
})

t.test('closing sends what is there, and nothing is taken afterwards', async (t) => {
  const client = ledger.client(t, { batch: { lingerMs: 60_000 } })
  for (let n = 0; n < 1_200; n++) await client.record(orderEvent('9'))
  const appended = client.append(orderEvent('9'))
  await Promise.all([client.close(), client.close()])
  t.equal((await trail('order:9')).length, 1_201)
  t.equal((await trail('order:9')).at(-1), (await appended).id)
  await t.rejects(client.append(orderEvent('9')), ClosedError)
  await t.rejects(client.record(orderEvent('9')), ClosedError)
  t.equal(client.offer(orderEvent('9')), false)
})

t.test('a close that loses something says so', async (t) => {
  const client = ledger.client(t, { onFailure: () => undefined })
  await client.record(orderEvent('9b', { tags: ['a', 'a'] }))
  await t.rejects(client.close(), FlushError)
  await t.rejects(client.close(), FlushError)
})

t.test('a key that may not append refuses everything', async (t) => {
  const client = ledger.client(t, { key: async () => ledger.keys['acme.auditor'] ?? '' })
  const outcomes = await client.appendAll([orderEvent('10'), orderEvent('10')])
  t.match(outcomes, [{ ok: false, error: { status: 403 } }, { ok: false, error: { status: 403 } }])
})

t.test('an aborted call ends at once; the client goes on', async (t) => {
  const client = ledger.client(t, { batch: { lingerMs: 60_000 } })
  const before = new AbortController()
  before.abort()
  const early = client.append(orderEvent('11'), { signal: before.signal })
  await t.rejects(early, { name: 'AbortError' })
  const during = new AbortController()
  ledger.proxy.faults.blackHole = true
  const call = client.append(orderEvent('11'), { signal: during.signal })
  const many = client.appendAll([orderEvent('11'), orderEvent('11')], { signal: during.signal })
  setTimeout(() => { during.abort(new Error('enough')) }, 50)
  await t.rejects(call, { message: 'enough' })
  t.ok((await many).every((outcome) => !outcome.ok && outcome.error instanceof AbortedError))
  t.equal(client.stats().buffered, 0, 'nothing of it is kept')
  ledger.proxy.faults.blackHole = false
  ledger.proxy.cut()
  await client.append(orderEvent('11'))
  t.equal((await trail('order:11')).length, 1)
})

t.test('a full buffer makes the next ones wait, in order', async (t) => {
  const client = ledger.client(t, { buffer: { events: 5 }, batch: { events: 2 } })
  const given = Array.from({ length: 50 }, (_, n) => (
    `00000000-0000-7000-8000-0000000002${String(n).padStart(2, '0')}`))
  let most = 0
  const calls = given.map(async (id) => {
    const call = client.record(orderEvent('12', { id }))
    most = Math.max(most, client.stats().buffered)
    await call
    most = Math.max(most, client.stats().buffered)
  })
  t.match(client.stats(), { buffered: 5, waiting: 45 })
  t.equal(client.offer(orderEvent('12')), false, 'what cannot wait does not overtake')
  await Promise.all(calls)
  await client.flush()
  t.strictSame(await trail('order:12'), given)
  t.equal(most, 5)
  t.match(client.stats(), { dropped: 1, waiting: 0 })
})

t.test('a full buffer turns the next ones away, if it is to', async (t) => {
  const client = ledger.client(t, {
    buffer: { events: 2, whenFull: 'reject' }, batch: { lingerMs: 60_000 }
  })
  await client.record(orderEvent('13'))
  t.equal(client.offer(orderEvent('13')), true)
  await t.rejects(client.record(orderEvent('13')), BufferFullError)
  await t.rejects(client.append(orderEvent('13')), BufferFullError)
  t.equal(client.stats().dropped, 2)
  await client.flush()
  await client.record(orderEvent('13'))
  await client.flush()
  t.equal((await trail('order:13')).length, 3)
})

t.test('the buffer is bounded in bytes as well', async (t) => {
  const client = ledger.client(t, {
    buffer: { bytes: 100_000, whenFull: 'reject' }, batch: { lingerMs: 60_000 }
  })
  const event = orderEvent('14', { data: { filler: 'x'.repeat(40_000) } })
  await client.record(event)
  await client.record(event)
  await t.rejects(client.record(event), BufferFullError)
  t.ok(client.stats().bufferedBytes <= 100_000)
  await client.flush()
})

t.test('each category has its function, for receipts or for the buffer', async (t) => {
  const client = ledger.client(t)
  const entity = { type: 'thing', id: 'categories' }
  const actor = { type: 'service', id: 'shop' } as const
  const slow = categories(buffered(client))
  for (const category of CATEGORIES) {
    const { id } = await client[category](`${category}.happened`, { actor, entity })
    t.ok(id)
    t.equal(await slow[category](`${category}.failed`, { actor, entity, outcome: 'failure' }),
      undefined)
  }
  await client.flush()
  await ledger.append('acme', { ...orderEvent('16') })
  const list = await ledger.call('acme.auditor', '/v1/entities/thing/categories/events')
  const seen = list.json().items.map((item: Record<string, string>) => {
    return `${item['category']} ${item['action']} ${item['outcome']}`
  })
  t.strictSame(seen.toSorted(), CATEGORIES.flatMap((category) => [
    `${category} ${category}.happened success`, `${category} ${category}.failed failure`
  ]).toSorted())
})

t.test('an option that makes no sense is named', async (t) => {
  const rows: Array<[object, string]> = [
    [{ url: 'nowhere' }, 'Invalid URL'],
    [{ url: 'ftp://ledger' }, 'url must begin with http: or https:'],
    [{ key: 'two words' }, 'key must be an API key: al_…'],
    [{ key: '' }, 'key must be an API key: al_…'],
    [{ batch: { events: 1_001 } }, 'batch.events must be from 1 to 1000, and is 1001'],
    [{ batch: { events: 0 } }, 'batch.events must be from 1 to 1000, and is 0'],
    [{ batch: { bytes: 65_537 } }, 'batch.bytes must be from 65538 to 4194304, and is 65537'],
    [{ batch: { bytes: 4_194_305 } }, 'batch.bytes must be from 65538 to 4194304, and is 4194305'],
    [{ buffer: { bytes: 65_535 } }, 'buffer.bytes must be at least 65536, and is 65535'],
    [{ buffer: { events: NaN } }, 'buffer.events must be at least 1, and is NaN'],
    [{ buffer: { whenFull: 'drop' } }, 'buffer.whenFull must be "wait" or "reject"'],
    [{ flights: 17 }, 'flights must be from 1 to 16, and is 17'],
    [{ timeoutMs: 0 }, 'timeoutMs must be from 1 to 86400000, and is 0']
  ]
  for (const [said, message] of rows) {
    t.throws(() => createClient({ url: 'http://127.0.0.1', key: 'al_x', ...said }), { message })
  }
})

import fc from 'fast-check'
import t, { type Test } from 'tap'
import { delayMs, retryAfterMs } from '../../src/client/backoff.ts'
import { createClient, type Client } from '../../src/client/client.ts'
import type { ClientOptions } from '../../src/client/options.ts'
import { orderEvent } from './ledger.ts'
import { receipts, scripted, type Seen, type Told } from './scripted.ts'

function clientOf (t: Test, url: string, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url, key: 'al_test', retry: { baseMs: 5, maxMs: 20, totalMs: 5_000 }, ...options
  })
  t.teardown(async () => { await client.close().catch(() => undefined) })
  return client
}

const status = (status: number, headers: Record<string, string> = {}) => (): Told =>
  ({ status, headers })
const idsOf = ({ events }: Seen): string[] => events.map(({ id }) => id)

t.test('what has no clear answer is sent again with the same ids', async (t) => {
  const { url, seen } = await scripted(t, [
    () => undefined, status(408), status(429), status(500), status(502), status(503), status(504),
    status(302, { location: 'http://127.0.0.1:1/' }), () => ({ status: 200, body: '<html>' }),
    () => ({ status: 201, body: '{"items":[' }), () => ({ status: 201, body: { items: [] } }),
    (events) => receipts(events.map(() => ({ id: 'another' })))
  ])
  const client = clientOf(t, url)
  const [outcome] = await client.appendAll([orderEvent('1'), orderEvent('1')])
  t.equal(outcome?.ok, true)
  t.equal(seen.length, 13)
  t.equal(new Set(seen.map((one) => idsOf(one).join())).size, 1)
  t.equal(client.stats().retries, 12)
  t.ok(seen.every(({ headers }) => headers.authorization === 'Bearer al_test'))
})

t.test('what is refused as a whole is not sent again', async (t) => {
  for (const code of [400, 401, 403, 404, 413, 415]) {
    const { url, seen } = await scripted(t, [status(code)])
    await t.rejects(clientOf(t, url).append(orderEvent('1')), {
      name: 'RefusedError', status: code, mayBeRecorded: false
    })
    t.equal(seen.length, 1)
  }
})

t.test('of a mixed answer the unsettled rest is sent again before anything newer', async (t) => {
  const problem = (type: string, status: number) =>
    ({ status, problem: { type: `/problems/${type}`, title: type, status, detail: type } })
  const { url, seen } = await scripted(t, [(events) => ({
    status: 207,
    body: {
      items: [
        { status: 201, receipt: { id: events[0]?.id } },
        problem('log-unavailable', 503), problem('invalid-event', 400),
        problem('stream-conflict', 409), problem('id-reused', 409)
      ]
    }
  })])
  const client = clientOf(t, url, { batch: { events: 5 } })
  const outcomes = await client.appendAll(Array.from({ length: 6 }, () => orderEvent('1')))
  t.match(outcomes, [
    { ok: true }, { ok: true }, { error: { status: 400 } }, { ok: true },
    { error: { status: 409 } }, { ok: true }
  ])
  const [first, again, newer] = seen.map(idsOf)
  t.strictSame(again, [first?.[1], first?.[3]])
  t.equal(newer?.length, 1)
})

t.test('Retry-After is waited for, however short the client would wait', async (t) => {
  const { url, seen } = await scripted(t, [status(503, { 'retry-after': '1' })])
  await clientOf(t, url).append(orderEvent('1'))
  const [first, second] = seen
  t.ok((second?.at ?? 0) - (first?.at ?? 0) >= 990)
})

t.test('nothing is tried beyond its time; the event says how to go on', async (t) => {
  const { url, seen } = await scripted(t, Array(1_000).fill(status(503)))
  const client = clientOf(t, url, { retry: { totalMs: 200, baseMs: 10, maxMs: 20 } })
  const started = Date.now()
  const error = await client.append(orderEvent('1')).catch((error: unknown) => error)
  t.ok(Date.now() - started < 1_500)
  t.match(error, {
    name: 'UndeliveredError', mayBeRecorded: true, attempts: seen.length, cause: /503/
  })
  t.match(error, { event: { id: seen[0]?.events[0]?.id, occurredAt: /Z$/ } },
    'appending this again is the same event')
  const patient = await scripted(t, [status(429, { 'retry-after': '3600' })])
  await t.rejects(clientOf(t, patient.url).append(orderEvent('1')), {
    name: 'UndeliveredError', mayBeRecorded: false, attempts: 1
  }, 'an hour is not waited for when there is no such time')
})

t.test('a refusal after an attempt without an answer says that it may be recorded', async (t) => {
  const { url } = await scripted(t, [status(502), status(401)])
  await t.rejects(clientOf(t, url).append(orderEvent('1')), {
    name: 'RefusedError', mayBeRecorded: true
  })
})

t.test('an attempt that is not answered in time ends', async (t) => {
  const never = { fetch: globalThis.fetch, calls: 0 }
  const { url } = await scripted(t, [])
  const client = clientOf(t, url, {
    timeoutMs: 50,
    fetch: async (input, init) => {
      if (never.calls++ > 0) return await never.fetch(input, init)
      return await new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => { reject(init.signal?.reason) })
      })
    }
  })
  await client.append(orderEvent('1'))
  t.equal(never.calls, 2)
})

t.test('what is too large for something on the way goes in halves, in order', async (t) => {
  const tooMany = (events: Seen['events']): Told => events.length > 3
    ? { status: 413, body: 'Request Entity Too Large' }
    : receipts(events)
  const { url, seen } = await scripted(t, Array(20).fill(tooMany))
  const client = clientOf(t, url)
  const events = Array.from({ length: 10 }, (_, n) => orderEvent('1', { description: String(n) }))
  const outcomes = await client.appendAll(events)
  t.ok(outcomes.every(({ ok }) => ok))
  const arrived = seen.filter(({ events }) => events.length <= 3).flatMap(({ events }) => events)
  t.strictSame(arrived.map(({ description }) => Number(description)), [...Array(10).keys()])
})

t.test('aborting a close gives up what is left, at once', async (t) => {
  const { url, seen } = await scripted(t, Array(1_000).fill(status(503)))
  const client = clientOf(t, url, {
    batch: { events: 2, lingerMs: 0 },
    buffer: { events: 4 },
    retry: { totalMs: 60_000, baseMs: 10_000 },
    onFailure: () => undefined
  })
  const calls = Array.from({ length: 8 }, async () => { await client.record(orderEvent('1')) })
  const stop = new AbortController()
  setTimeout(() => { stop.abort() }, 50)
  const started = Date.now()
  await t.rejects(client.close({ signal: stop.signal }), { name: 'FlushError', count: 8 })
  t.ok(Date.now() - started < 2_000)
  t.ok(seen.length <= 2)
  await Promise.all(calls)
})

t.test('the key is asked for at every attempt, and its failure is one', async (t) => {
  const { url, seen } = await scripted(t, [status(503)])
  const keys = [() => { throw new Error('the vault is away') }, () => 'al_old', () => 'al_new']
  await clientOf(t, url, { key: async () => keys.shift()?.() ?? '' }).append(orderEvent('1'))
  t.strictSame(seen.map(({ headers }) => headers.authorization), ['Bearer al_old', 'Bearer al_new'])
})

t.test('a key that does not come ends the attempt as well', async (t) => {
  const { url, seen } = await scripted(t, [])
  let asked = 0
  const client = clientOf(t, url, {
    timeoutMs: 50,
    key: async () => asked++ > 0 ? 'al_now' : await new Promise<string>(() => undefined)
  })
  await client.append(orderEvent('1'))
  t.strictSame([asked, seen.length], [2, 1])
})

t.test('requests leave one after the other, or as many at a time as is said', async (t) => {
  for (const flights of [1, 3]) {
    let flying = 0
    let most = 0
    const { url } = await scripted(t, [])
    const client = clientOf(t, url, {
      flights,
      batch: { events: 1 },
      fetch: async (input, init) => {
        most = Math.max(most, ++flying)
        return await fetch(input, init).finally(() => { flying-- })
      }
    })
    await client.appendAll(Array.from({ length: 12 }, () => orderEvent('1')))
    t.equal(most, flights)
  }
})

t.test('a handler that throws stops nothing', async (t) => {
  const { url } = await scripted(t, [status(400)])
  const client = clientOf(t, url, { onFailure: () => { throw new Error('handler') } })
  const warned = new Promise((resolve) => process.once('warning', resolve))
  await client.record(orderEvent('1'))
  await t.rejects(client.flush(), { name: 'FlushError' })
  t.match(await warned, { name: 'AuditLedgerWarning', message: /handler/ })
  await client.append(orderEvent('1'))
})

t.test('without a handler a lost event is a warning of the process', async (t) => {
  const { url } = await scripted(t, [status(400)])
  const client = clientOf(t, url)
  const warned = new Promise((resolve) => process.once('warning', resolve))
  await client.record(orderEvent('1'))
  await t.rejects(client.flush(), { name: 'FlushError' })
  t.match(await warned, { name: 'AuditLedgerWarning', message: /1 recorded events are not/ })
})

t.test('delays double up to their limit, with full jitter', async (t) => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 2_000 }), fc.double({ min: 0, max: 0.999999, noNaN: true }),
    (attempt, random) => {
      const delay = delayMs(attempt, { baseMs: 100, maxMs: 10_000 }, random)
      return delay >= 0 && delay <= Math.min(10_000, 100 * 2 ** (attempt - 1))
    }))
  t.equal(delayMs(3, { baseMs: 100, maxMs: 10_000 }, 0.5), 200)
  t.equal(delayMs(30, { baseMs: 100, maxMs: 10_000 }, 0.5), 5_000)
})

t.test('Retry-After is seconds or a date', async (t) => {
  const now = Date.UTC(2026, 10, 20, 7, 0, 0)
  const rows: Array<[string | null, number | undefined]> = [
    [null, undefined], ['0', 0], ['7', 7_000], ['-1', undefined], ['soon', undefined],
    ['Fri, 20 Nov 2026 07:00:05 GMT', 5_000], ['Fri, 20 Nov 2026 06:00:00 GMT', 0]
  ]
  for (const [header, ms] of rows) t.equal(retryAfterMs(header, now), ms, String(header))
})

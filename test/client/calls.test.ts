import fc from 'fast-check'
import fastify, { type FastifyInstance } from 'fastify'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { checkEvent } from '../../schemas/door.ts'
import { parseStrictJson } from '../../schemas/strict-json.ts'
import { apiCallEvent, NO_ROUTE } from '../../src/client/api-call.ts'
import type { EventInput, EventOf } from '../../src/client/event.ts'
import { auditLedger, type AuditCallsOptions } from '../../src/client/fastify.ts'
import { auditMiddleware, type MiddlewareRequest } from '../../src/client/middleware.ts'
import { listeningLedger } from './ledger.ts'

const ledger = await listeningLedger(t)

/** Keeps what it is offered. */
function keeper () {
  const kept: Array<EventOf<'api'>> = []
  return {
    kept,
    client: { offer: (event: EventInput) => kept.push(event as EventOf<'api'>) > 0 }
  }
}

async function appOf (t: Test, options: AuditCallsOptions): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(auditLedger, options)
  app.get('/users/:id', async () => ({ ok: true, token: 'secret' }))
  app.post('/users', async () => ({ made: true }))
  app.get('/denied', async (_request, reply) => await reply.code(403).send())
  app.get('/broken', async () => { throw new Error('broken') })
  app.get('/slow', async () => await sleep(200, { done: true }))
  app.get('/stream', async (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200).write('first')
  })
  t.teardown(async () => { await app.close() })
  return app
}

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

t.test('a call comes back from the ledger with what it was', async (t) => {
  const client = ledger.client(t)
  const app = await appOf(t, {
    client,
    actor: (request) => ({ type: 'user', id: String(request.headers['x-user']) }),
    entity: ({ params }) => ({ type: 'account', id: (params as { id: string }).id })
  })
  const answer = await app.inject({
    url: '/users/7?token=abc', headers: { 'x-user': 'u-1', 'user-agent': 'curl', traceparent }
  })
  t.equal(answer.statusCode, 200)
  await client.flush()
  // Reads show what came before this.
  await ledger.append('acme', {
    action: 'x', category: 'action', actor: { type: 'system' }, outcome: 'success'
  })
  const list = await ledger.call('acme.auditor', '/activities/api-transactions/')
  const [item] = list.json().items
  t.match(item, {
    activity_type: 'api.called',
    user_id: 'u-1',
    entity_type: 'account',
    entity_id: '7',
    status: 'success',
    method: 'GET',
    endpoint: '/users/:id',
    status_code: 200,
    execution_time_ms: Number,
    context: { ip: '127.0.0.1', userAgent: 'curl', traceparent, requestId: String }
  })
  t.notMatch(JSON.stringify(item), /abc|secret/, 'neither the address nor a body is kept')
})

t.test('outcomes, calls without a route, and calls to be skipped', async (t) => {
  const { kept, client } = keeper()
  const app = await appOf(t, { client, skip: ({ url }) => url === '/users/9' })
  for (const url of ['/users/1', '/denied', '/broken', '/nowhere', '/users/9']) {
    await app.inject({ url })
  }
  t.match(kept, [
    { outcome: 'success', actor: { type: 'anonymous' }, data: { statusCode: 200 } },
    { outcome: 'denied', data: { statusCode: 403 } },
    { outcome: 'failure', data: { statusCode: 500 } },
    { outcome: 'failure', data: { statusCode: 404, endpoint: NO_ROUTE } }
  ])
  t.equal(kept.length, 4)
})

t.test('bodies and headers are kept where they are asked for, redacted and bounded', async (t) => {
  const { kept, client } = keeper()
  const app = await appOf(t, {
    client,
    bodies: { request: true, response: true },
    headers: ['Authorization', 'X-Shop', 'x-none'],
    redact: { paths: ['/inner/private'] }
  })
  const headers = { authorization: 'Bearer abcdefgh', 'x-shop': 'one' }
  const body = { name: 'A', password: 'p', inner: { private: 1, card: '4111111111111111' } }
  await app.inject({ method: 'POST', url: '/users', headers, payload: body })
  await app.inject({ url: '/users/1' })
  const payload = { filler: Array(4).fill('x'.repeat(4_000)) }
  await app.inject({ method: 'POST', url: '/users', payload })
  t.match(kept[0]?.data, {
    headers: { authorization: '[redacted]', 'x-shop': 'one' },
    request: {
      name: 'A', password: '[redacted]', inner: { private: '[redacted]', card: '[redacted]' }
    },
    response: { made: true }
  })
  t.match(kept[1]?.data, { response: { ok: true, token: '[redacted]' } })
  t.match(kept[2]?.data?.request, { cut: true, bytes: JSON.stringify(payload).length })
})

t.test('whoever goes away before the answer is on record, once', async (t) => {
  const { kept, client } = keeper()
  const app = await appOf(t, { client })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const call = httpRequest({ port, host: '127.0.0.1', path: '/slow', agent: false })
  call.on('error', () => undefined)
  call.end()
  await sleep(60)
  call.destroy()
  while (kept.length === 0) await sleep(10)
  await sleep(300)
  t.match(kept[0], { outcome: 'failure', data: { endpoint: '/slow', aborted: true } })
  t.equal(kept[0]?.data?.statusCode, undefined)
  t.equal(kept.length, 1)
  const stream = httpRequest({ port, host: '127.0.0.1', path: '/stream', agent: false })
  stream.on('error', () => undefined).on('response', (response) => { response.destroy() }).end()
  while (kept.length === 1) await sleep(10)
  t.match(kept[1], { outcome: 'success', data: { statusCode: 200, aborted: true } },
    'an answer that had begun')
})

t.test('nothing that goes wrong with the record reaches the caller', async (t) => {
  const errors: unknown[] = []
  const full = await appOf(t, { client: { offer: () => false } })
  t.equal((await full.inject({ url: '/users/1' })).statusCode, 200)
  const { kept, client } = keeper()
  const app = await appOf(t, {
    client,
    actor: () => { throw new Error('who?') },
    onError: (error) => {
      errors.push(error)
      throw new Error('the handler, too')
    }
  })
  t.equal((await app.inject({ url: '/users/1' })).statusCode, 200)
  t.match(kept, [{ actor: { type: 'anonymous' } }], 'the call is on record all the same')
  const throwing = await appOf(t, {
    client: { offer: () => { throw new Error('offer') } },
    onError: (error) => { errors.push(error) }
  })
  t.equal((await throwing.inject({ url: '/users/1' })).statusCode, 200)
  t.match(errors, [{ message: 'who?' }, { message: 'offer' }])
})

t.test('a ledger that is away costs the application some memory, up to a bound', async (t) => {
  ledger.proxy.faults.refuse = true
  const client = ledger.client(t, { buffer: { events: 5 }, onFailure: () => undefined })
  const app = await appOf(t, { client })
  for (let n = 0; n < 8; n++) {
    t.equal((await app.inject({ url: '/users/1' })).statusCode, 200)
  }
  t.match(client.stats(), { buffered: 5, dropped: 3, recorded: 0 })
  ledger.proxy.faults.refuse = false
  await client.flush()
  t.match(client.stats(), { buffered: 0, recorded: 5 })
})

t.test('middleware records the same for Express and its like', async (t) => {
  const { kept, client } = keeper()
  const middleware = auditMiddleware({
    client,
    requestBody: true,
    actor: ({ headers }) => ({ type: 'user', id: String(headers['x-user']) })
  })
  const server = createServer((request: MiddlewareRequest, response) => {
    middleware(request, response, () => {
      // What Express's router and body parser would have done.
      if (request.url !== '/nowhere') {
        Object.assign(request, {
          baseUrl: '/api', route: { path: '/things/:id' }, body: { pin: 1, a: 2 }, id: 'r-1'
        })
      }
      if (request.url !== '/hang') response.writeHead(201).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  const headers = { 'x-user': 'u-2', 'user-agent': 'node', traceparent: 'nonsense' }
  await fetch(`http://127.0.0.1:${port}/api/things/7?secret=1`, { headers })
  await fetch(`http://127.0.0.1:${port}/nowhere`, { headers })
  const gone = new AbortController()
  const hanging = fetch(`http://127.0.0.1:${port}/hang`, { headers, signal: gone.signal })
  setTimeout(() => { gone.abort() }, 50)
  await hanging.catch(() => undefined)
  while (kept.length < 3) await sleep(10)
  t.match(kept[0], {
    action: 'api.called',
    actor: { type: 'user', id: 'u-2' },
    outcome: 'success',
    context: { ip: '127.0.0.1', userAgent: 'node', requestId: 'r-1' },
    data: {
      method: 'GET',
      endpoint: '/api/things/:id',
      statusCode: 201,
      request: { pin: '[redacted]', a: 2 }
    }
  })
  t.equal(kept[0]?.context?.traceparent, undefined)
  t.match(kept[1], { data: { endpoint: NO_ROUTE } })
  t.match(kept[2], { outcome: 'failure', data: { aborted: true } })
})

t.test('whatever a caller sends, the ledger takes the record of it', async () => {
  const anything = fc.anything({
    withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, maxDepth: 5
  })
  const key = fc.oneof(fc.string({ unit: 'binary' }),
    fc.constantFrom('__proto__', 'constructor', 'prototype', '\ud800', '\0'))
  const text = fc.string({ unit: 'binary', maxLength: 1_200 })
  const call = fc.record({
    method: text,
    route: text,
    statusCode: fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }),
    durationMs: fc.double({ min: -1, max: 1e9, noNaN: true }),
    ip: text,
    userAgent: text,
    requestId: text,
    traceparent: text,
    actor: fc.oneof(
      fc.record({ type: fc.constant('user' as const), id: text, name: text, email: text }),
      fc.record({ type: fc.constantFrom('service' as const, 'system' as const), id: text })),
    entity: fc.record({ type: fc.oneof(text, fc.constantFrom('order', 'ledger_x')), id: text }),
    aborted: fc.boolean(),
    headers: fc.dictionary(key, anything),
    request: fc.oneof(anything, fc.dictionary(key, anything), text),
    response: fc.oneof(anything, text)
  })
  fc.assert(fc.property(call, (call) => {
    const event = apiCallEvent(call)
    const parsed = parseStrictJson(Buffer.from(JSON.stringify(event)))
    const wrong = parsed.ok ? checkEvent(parsed.value) : parsed.violations
    if (wrong.length > 0) throw new Error(JSON.stringify(wrong))
  }), { numRuns: 100 })
})

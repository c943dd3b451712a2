import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import t, { type Test } from 'tap'
import { BATCH_MAX_BYTES } from '../../schemas/primitives.ts'
import { PROJECTIONS } from '../../projections/index.ts'
import { createApp, PROTECTED, PUBLIC } from '../../src/api/app.ts'
import { problemType } from '../../src/api/problems.ts'
import { READY_TIMEOUT_MS } from '../../src/api/readiness.ts'
import { ERRORS, type ErrorCode } from '../../src/errors.ts'
import { createPool } from '../../src/postgres/pool.ts'
import type { Vault } from '../../src/privacy/vault.ts'
import { event, testService, until } from './service.ts'

const service = await testService(t)
const { app, call, append } = service
await append('acme', event())

/** How OpenAPI writes a route's address. */
const documented = (url: string): string => url.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{*}')

type Document = Record<string, any> // eslint-disable-line

t.test('the document names every route of the table and no other', async (t) => {
  const document: Document = (await app.inject('/openapi.json')).json()
  t.equal(document['openapi'], '3.1.0')
  const described = Object.entries<Document>(document['paths'])
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
  const table = [...PUBLIC, ...PROTECTED]
    .filter(([, url]) => url !== '/openapi.json')
    .map(([method, url]) => `${method.toLowerCase()} ${documented(url)}`)
  t.strictSame(described.sort(), table.sort())
})

t.test('every operation says what it is, who may call it and how it fails', async (t) => {
  const document: Document = (await app.inject('/openapi.json')).json()
  const operations = new Set<string>()
  for (const [method, url, , roles] of [...PUBLIC, ...PROTECTED] as typeof PROTECTED) {
    if (url === '/openapi.json') continue
    const operation: Document =
      document['paths'][documented(url)][method.toLowerCase()]
    t.ok(operation['summary'] && operation['operationId'] && operation['tags'], url)
    operations.add(operation['operationId'])
    t.strictSame(operation['security'], roles === undefined ? [] : [{ apiKey: [] }], url)
    for (const role of roles ?? []) t.match(operation['description'], role, url)
    t.strictSame(operation['responses'].default.content['application/problem+json'].schema,
      { $ref: '#/components/schemas/Problem' }, url)
  }
  t.equal(operations.size, PUBLIC.length + PROTECTED.length - 1, 'operationIds are unique')
})

t.test('every reference of the document leads somewhere, and none to a person', async (t) => {
  const { body } = await app.inject('/openapi.json')
  const names = new Set(Object.keys(JSON.parse(body).components.schemas))
  for (const [, name = ''] of body.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    t.ok(names.has(name), name)
  }
  t.ok(names.has('Receipt') && names.has('RecordedEvent'))
  t.notOk(/@|\b(?:\d{1,3}\.){3}\d{1,3}\b/.test(body), 'no address of anybody')
})

t.test('the reference pages come from here alone', async (t) => {
  const page = await app.inject('/docs')
  t.equal(page.statusCode, 200, page.body)
  t.notOk(/(?:src|href)="https?:/.test(page.body))
  t.match(page.headers['content-security-policy'], /default-src 'self'/)
  t.equal((await app.inject('/docs/static/swagger-ui-bundle.js')).statusCode, 200)
})

t.test('what is not there is a problem, and a wrong method says which is right', async (t) => {
  const lost = await app.inject('/v1/nothing')
  t.equal(lost.statusCode, 404)
  t.match(lost.json(), { type: '/problems/not-found' })
  t.match(lost.headers['content-type'], /problem\+json/)
  const rows: Array<[method: 'PUT' | 'DELETE' | 'POST' | 'HEAD', url: string, allow: string]> = [
    ['PUT', '/v1/events', 'GET, POST'], ['DELETE', '/v1/events/x', 'GET'],
    ['POST', '/livez', 'GET'], ['PUT', '/v1/tenants/acme', 'GET, PATCH'], ['HEAD', '/livez', 'GET']
  ]
  for (const [method, url, allow] of rows) {
    const answer = await app.inject({ method, url })
    t.equal(answer.statusCode, 405, `${method} ${url}`)
    t.equal(answer.headers['allow'], allow, `${method} ${url}`)
  }
  for (const url of ['/%', '/v1/events/%E0%A4%A', '//', '/v1/events/', '/V1/EVENTS', '/v1//x']) {
    const answer = await app.inject(url)
    t.ok([400, 401, 404].includes(answer.statusCode), `${url}: ${answer.statusCode}`)
    t.match(answer.headers['content-type'], /problem\+json/, url)
  }
})

t.test('what is no HTTP is answered by a problem as well', async (t) => {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const rows: Array<[sent: string, status: string]> = [
    ['nonsense\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\nbad header\r\n\r\n', '400 Bad Request'],
    [`GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, '431 Request Header Fields Too Large']
  ]
  for (const [sent, status] of rows) {
    const socket = connect(port, '127.0.0.1')
    socket.end(sent)
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
    t.equal(head.split('\r\n')[0], `HTTP/1.1 ${status}`)
    t.match(head, /content-type: application\/problem\+json/)
    t.match(JSON.parse(body), { type: '/problems/invalid-request', status: parseInt(status) })
  }
})

t.test('a body that is announced too large is refused before it is sent', async (t) => {
  const { port } = app.server.address() as AddressInfo
  const authorization = `authorization: Bearer ${service.keys['acme.producer']}`
  const rows: Array<[bytes: number, answer: string]> = [
    [BATCH_MAX_BYTES, 'HTTP/1.1 100 Continue'],
    [BATCH_MAX_BYTES + 1, 'HTTP/1.1 413 Payload Too Large']
  ]
  for (const [bytes, answer] of rows) {
    const socket = connect(port, '127.0.0.1')
    socket.write(['POST /v1/events HTTP/1.1', 'host: ledger', authorization,
      'content-type: application/json', `content-length: ${bytes}`, 'expect: 100-continue',
      '', ''].join('\r\n'))
    const [head] = await once(socket, 'data') as [Buffer]
    t.equal(head.toString().split('\r\n')[0], answer)
    socket.destroy()
  }
})

t.test('every type of problem explains itself', async (t) => {
  for (const [code, { status, title }] of Object.entries(ERRORS)) {
    const type = problemType(code as ErrorCode)
    t.strictSame((await app.inject(type)).json(), { type, title, status }, code)
  }
  t.equal((await app.inject('/problems/nothing')).statusCode, 404)
})

t.test('every answer names its request, as a proxy named it if that is a name', async (t) => {
  const named = await app.inject({ url: '/livez', headers: { 'x-request-id': 'abc-1' } })
  t.equal(named.headers['x-request-id'], 'abc-1')
  for (const wrong of ['', 'a b', 'x'.repeat(129), '<script>']) {
    const answer = await app.inject({ url: '/livez', headers: { 'x-request-id': wrong } })
    t.match(answer.headers['x-request-id'], /^[0-9a-f-]{36}$/, wrong)
  }
})

t.test('what nobody expected is said to nobody but the log', async (t) => {
  const lines: string[] = []
  const broken = createApp({
    ...await deadParts(t),
    pool: service.database.pool('ledger_api'),
    logger: pino({}, { write: (line) => { lines.push(line) } }),
    vault: { find: async () => { throw new Error('secret of the house') } } as unknown as Vault
  })
  t.teardown(async () => { await broken.close() })
  const answer = await broken.inject({
    url: '/v1/users/u-81/events',
    headers: { authorization: `Bearer ${service.keys['acme.auditor']}` }
  })
  t.equal(answer.statusCode, 500)
  t.match(answer.json(), { type: '/problems/internal', detail: ERRORS.INTERNAL.title })
  t.notOk(answer.body.includes('secret'))
  t.ok(lines.some((line) => line.includes('secret of the house')))
})

t.test('metrics count requests by route and say nothing of tenants', async (t) => {
  await call('acme.auditor', '/v1/users/u-81/events')
  const { body, headers } = await app.inject('/metrics')
  t.match(headers['content-type'], /^text\/plain/)
  t.match(body, /ledger_http_request_seconds_count\{method="GET",route="\/v1\/users\/:id\/events",status="200"\} 1/)
  t.match(body, /ledger_append_events_total\{result="recorded"\} 1/)
  t.match(body, /ledger_log_up 1/)
  t.match(body, /ledger_parked_events 0/)
  t.match(body, /ledger_pool_connections\{state="total"\} \d/)
  t.notOk(/acme|u-81/.test(body))
})

t.test('projections are listed with their lag, and what could not be taken', async (t) => {
  const list = (await call('server.operator', '/v1/projections')).json()
  t.strictSame(list.items.map(({ name }: { name: string }) => name).sort(),
    PROJECTIONS.map(({ name }) => name).sort())
  t.match(list, { parked: 0, head: /^\d+$/, worker: { state: 'live' } })
  t.match(list.items[0], { state: 'live', position: /^\d+$/, lag: /^\d+$/ })
})

t.test('readiness follows the worker and the log', async (t) => {
  const ready = async (): Promise<Document> => (await app.inject('/readyz')).json()
  const isLevel = ({ status, readModels }: Document): boolean =>
    status === 'ready' && readModels.lag === '0'
  t.match(await until(ready, isLevel),
    { database: { status: 'ok' }, log: { status: 'ok' }, readModels: { lag: '0' } })

  await service.stopWorker()
  const late = await app.inject('/readyz')
  t.equal(late.statusCode, 200, 'events are still taken')
  t.match(late.json(), { status: 'degraded', readModels: { status: 'failed', problem: /worker/ } })

  await service.database.pool('ledger_worker').query(
    "update control.worker_state set state = 'log-regression'")
  const lost = await app.inject('/readyz')
  t.equal(lost.statusCode, 503)
  t.match(lost.json(), { readModels: { problem: ERRORS.LOG_REGRESSION.title } })
  const post = { method: 'POST' as const, url: '/v1/events', payload: event() }
  const refused = await until(
    async () => await call('acme.producer', post), ({ statusCode }) => statusCode === 503)
  t.match(refused.json(), { type: '/problems/log-regression' }, 'nothing more is taken')

  service.startWorker()
  await until(ready, ({ status }) => status === 'ready')
  await service.node.stop()
  const startedAt = Date.now()
  const down = await app.inject('/readyz')
  t.ok(Date.now() - startedAt < 3 * READY_TIMEOUT_MS, 'the answer comes in time')
  t.equal(down.statusCode, 503)
  t.match(down.json(), { status: 'failed', log: { status: 'failed' }, database: { status: 'ok' } })
  t.notOk(/127\.0\.0\.1|localhost/.test(down.body), 'and says no addresses')
})

t.test('without the database everything says so and nothing hangs', async (t) => {
  const logger = pino({ level: 'silent' })
  const dead = createApp({ ...await deadParts(t), vault: {} as never, logger })
  t.teardown(async () => { await dead.close() })
  const ready = await dead.inject('/readyz')
  t.equal(ready.statusCode, 503)
  t.match(ready.json(), { database: { status: 'failed', problem: 'cannot be reached' } })
  t.equal((await dead.inject('/livez')).statusCode, 200)
  const answer = await dead.inject({
    url: '/v1/events', headers: { authorization: `Bearer ${service.keys['acme.auditor']}` }
  })
  t.equal(answer.statusCode, 503)
  t.match(answer.json(), { type: '/problems/database-unavailable' })
  t.equal(answer.headers['retry-after'], '1')
})

/** Parts whose database is not there. */
async function deadParts (t: Test) {
  const pool = createPool({ url: 'postgres://nobody@127.0.0.1:1/nothing' })
  t.teardown(async () => { await pool.end() })
  return {
    pool,
    adminPool: pool,
    listenPool: pool,
    log: service.log,
    ledger: { record: async () => [], recordOwn: async () => [] },
    webhooks: {} as never,
    keyEnvironment: randomBytes(4).toString('hex')
  }
}

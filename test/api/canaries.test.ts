import type { InjectOptions } from 'fastify'
import pino from 'pino'
import t from 'tap'
import { LEDGER_EVENTS } from '../../schemas/events/ledger.ts'
import { PROTECTED, PUBLIC } from '../../src/api/app.ts'
import { samplesOfEvents } from './samples.ts'
import { event, SELF, testService, until, type Answer } from './service.ts'

/** Part of everything here that is personal, and of nothing else. */
/** So long that no signature or ciphertext contains it by chance. */
const CANARY = 'cnry7bird'

const lines: string[] = []
const service = await testService(t, pino({ level: 'trace' }, {
  write (line) { lines.push(line) }
}))
const { call, append, app, log } = service

const id = (n: number | string): string => `${CANARY}-${n}`
const sent = event({
  actor: { type: 'user', id: id(1), name: id('name'), email: `${CANARY}@canary.example` },
  entity: { type: 'order', id: '456' },
  related: [{ type: 'customer', id: id(2), name: id('customer') }],
  context: { ip: '203.0.113.99', userAgent: id('agent'), sessionId: id('session') },
  description: `About ${CANARY}`,
  before: { note: id('before') },
  after: { note: id('after') },
  data: { operation: 'update', note: id('note'), seen: 1 },
  personal: [{
    subject: { type: 'student', id: id(3) },
    paths: ['/data/note', '/before/note', '/after/note', '/description']
  }]
})
const guessed = event({
  action: 'auth.login_failed',
  category: 'auth',
  outcome: 'failure',
  actor: { type: 'anonymous' },
  entity: { type: 'user', id: id(1) },
  context: sent['context']
})
const isClean = (text: string): boolean => !/cnry7bird|203\.0\.113\.99/i.test(text)

const receipt = await append('acme', sent)
await append('acme', guessed)
const own = await append('acme', event({ actor: SELF }))
// What others did to somebody is in that person's feed, and tells nobody else's data there.
await append('acme', event({ actor: { type: 'user', id: id(1), name: id('name') }, entity: SELF }))
await until(async () => await call('acme.auditor', `/v1/events/${own.id}/proof`),
  ({ statusCode }) => statusCode === 200)

t.test('what shows the log as it is shows nobody', async (t) => {
  t.notOk(isClean((await call('acme.auditor', `/v1/events/${receipt.id}`)).body), 'it was opened')
  const urls = [
    `/v1/events/${receipt.id}/raw`, `/v1/events/${receipt.id}/proof`, '/v1/replay',
    `/v1/streams/${receipt.stream}/events`, '/v1/entities/order/456/proof', '/v1/checkpoint',
    '/v1/tile/entries/000.p/2', '/v1/tile/0/000.p/2'
  ]
  for (const url of urls) {
    for (const accept of ['application/json', 'text/plain']) {
      const answer = await call('acme.auditor', { url, headers: { accept } })
      t.equal(answer.statusCode, 200, `${url}: ${answer.body.slice(0, 100)}`)
      t.ok(isClean(answer.body), url)
      t.ok(isClean(JSON.stringify(answer.headers)), url)
    }
  }
})

t.test('who may not see persons sees none, on no route', async (t) => {
  const samples = samplesOfEvents({ receipt, own })
  for (const [method, url] of PROTECTED.filter(([method]) => method === 'GET')) {
    const request: InjectOptions = { url, ...samples[`${method} ${url}`]?.request }
    for (const key of ['acme.self', 'acme.producer', 'acme.admin', 'globex.auditor',
      'server.operator', 'server.admin']) {
      t.ok(isClean((await call(key, request)).body), `${url} as ${key}`)
    }
  }
  for (const [, url] of PUBLIC) {
    const answer = await app.inject(url.replace(':code', 'forbidden'))
    t.ok(isClean(answer.body), url)
  }
})

t.test('no refusal says what was personal in the request', async (t) => {
  const as = async (role: string, request: InjectOptions | string): Promise<Answer> =>
    await call(role === '' ? undefined : `acme.${role}`, request)
  const post = (url: string, payload: object | string, headers: object = {}): InjectOptions => ({
    method: 'POST',
    url,
    payload,
    headers: { 'content-type': 'application/json', ...headers }
  })
  const subject = { type: 'user', id: id(1) }
  const basis = { legalBasis: 'art. 17', reason: 'asked' }
  const rows: Array<[role: string, request: InjectOptions | string, status: number]> = [
    ['auditor', `/v1/users/${id(9)}/events`, 404],
    ['auditor', `/v1/users/${id(9)}/summary?from=${CANARY}`, 400],
    ['auditor', `/v1/entities/customer/${id(9)}/state`, 404],
    ['auditor', `/v1/entities/order/456/state?at=${CANARY}`, 400],
    ['auditor', `/v1/events?actor=${id(1)}&limit=0`, 400],
    ['auditor', `/v1/events?actor=${id(1)}&cursor=${CANARY}`, 400],
    ['auditor', `/v1/events?entity=${CANARY}`, 400],
    ['auditor', `/v1/events?category=${CANARY}`, 400],
    ['auditor', `/v1/events/${CANARY}`, 400],
    ['auditor', `/v1/streams/${CANARY}/events`, 404],
    ['auditor', `/v1/replay?after=${CANARY}`, 400],
    ['auditor', `/v1/tile/${CANARY}`, 404],
    ['compliance', `/v1/subjects/user/${id(9)}/report`, 404],
    ['producer', `/v1/users/${id(1)}/events`, 403],
    ['', `/v1/users/${id(1)}/events`, 401],
    ['', { url: '/v1/events', headers: { authorization: `Bearer ${CANARY}` } }, 401],
    ['producer', post('/v1/events', { ...sent, outcome: id('outcome') }), 400],
    ['producer', post('/v1/events', { ...sent, actor: { type: 'user', id: '', name: CANARY } }),
      400],
    ['producer', post('/v1/events', { ...sent, occurredAt: CANARY }), 400],
    ['producer', post('/v1/events', { ...sent, id: CANARY }), 400],
    ['producer', post('/v1/events', { ...sent, id: receipt.id, description: id('other') }), 409],
    ['producer', post('/v1/events', `{"actor":"${CANARY}","actor":1}`), 400],
    ['producer', post('/v1/events', `{"actor":"${CANARY}"`), 400],
    ['producer', post('/v1/events', `"${CANARY}"`, { 'content-type': 'text/plain' }), 415],
    ['producer', post('/v1/events', { ...sent, data: { note: CANARY.repeat(20_000) } }), 413],
    ['producer', post('/v1/corrections', { corrects: CANARY, reason: CANARY }), 400],
    ['compliance', post('/v1/erasures', { subject: { type: 'user', id: id(9) }, ...basis }), 404],
    ['compliance', post('/v1/erasures', { subject, ...basis, reason: `of ${id(1)}` }), 400],
    ['compliance', post('/v1/holds', { subject, reason: `of ${id(1)}` }), 400],
    ['auditor', `/api/activity/${CANARY}`, 400],
    ['auditor', `/api/activity?userId=${id(1)}&page=0`, 400],
    ['auditor', `/activities/${CANARY}`, 400],
    ['auditor', `/organizations/${CANARY}/actions`, 404],
    ['auditor', `/nowhere/${CANARY}`, 404],
    ['auditor', { method: 'DELETE', url: `/v1/users/${CANARY}/events` }, 405]
  ]
  for (const [role, request, status] of rows) {
    const answer = await as(role, request)
    const what = JSON.stringify(request).slice(0, 90)
    t.equal(answer.statusCode, status, `${what}: ${answer.body.slice(0, 200)}`)
    t.ok(isClean(answer.body), `${what}: ${answer.body.slice(0, 400)}`)
  }
})

t.test('what the ledger records of its own names nobody', async (t) => {
  for (const url of [`/v1/users/${id(1)}/events`, `/v1/events?actor=${id(1)}&tag=${CANARY}`,
    `/v1/entities/customer/${id(2)}/events`, `/activities/?user_id=${id(1)}`,
    `/v1/subjects/student/${id(3)}/report`, `/v1/events?correlationId=${CANARY}`]) {
    t.equal((await call('acme.compliance', url)).statusCode, 200, url)
  }
  let told = 0
  for await (const { type, data, metadata, stream } of log.readAll()) {
    t.ok(isClean(JSON.stringify([type, data, metadata, stream])), type)
    if (Object.hasOwn(LEDGER_EVENTS, type)) told++
  }
  t.ok(told > 30, `${told} of them`)
})

t.test('logs and metrics name nobody, not even when everything fails', async (t) => {
  await service.node.stop()
  const failing = [
    await call('acme.producer', { method: 'POST', url: '/v1/events', payload: sent }),
    await call('acme.auditor', `/v1/events?actor=${id(1)}&category=auth`),
    await call('acme.auditor', '/v1/replay')
  ]
  t.strictSame(failing.map(({ statusCode }) => statusCode), [503, 503, 503])
  for (const { body } of failing) t.ok(isClean(body), body)
  t.ok(lines.some((line) => line.includes('request failed')), `${lines.length} lines were logged`)
  t.strictSame(lines.filter((line) => !isClean(line)), [])
  t.ok(isClean((await app.inject('/metrics')).body))
  t.ok(isClean((await app.inject('/openapi.json')).body))
})

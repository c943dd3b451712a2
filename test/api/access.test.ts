import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { ReplayLine } from '../../schemas/http/replay.ts'
import { Problem } from '../../schemas/problem.ts'
import { PROTECTED, PUBLIC } from '../../src/api/app.ts'
import { BASIS, samplesOf } from './samples.ts'
import {
  event, SELF, SERVER_ROLES, TENANT_ROLES, testService, until, type Answer
} from './service.ts'

const service = await testService(t)
const { call, append, app } = service

const receipt = await append('acme', event())
const own = await append('acme', event({ actor: SELF }))
const { id: keyId } = (await call('acme.admin', {
  method: 'POST', url: '/v1/api-keys', payload: { name: 'spare', roles: ['auditor'] }
})).json()

await append('acme', ['u-erased', 'u-to-erase'].map((id) =>
  event({ actor: { type: 'user', id } })))
const post = async (url: string, payload: object): Promise<{ id: string }> =>
  (await call('acme.compliance', { method: 'POST', url, payload })).json()
const erasure = await post('/v1/erasures', { subject: { type: 'user', id: 'u-erased' }, ...BASIS })
await until(async () => await call('acme.auditor', `/v1/erasures/${erasure.id}`),
  (answer) => answer.json().state === 'executed')
await until(async () => await call('acme.auditor', `/v1/events/${receipt.id}/proof`),
  (answer) => answer.statusCode === 200)
await until(async () => await call('globex.auditor', '/v1/checkpoint'),
  (answer) => answer.statusCode === 200)
const hold = await post('/v1/holds', { entity: { type: 'x', id: 'y' }, reason: 'case' })
const policy = await post('/v1/retention-policies', { age: { months: 12 }, reason: 'duty' })

const webhook = (await call('acme.admin', {
  method: 'POST', url: '/v1/webhooks', payload: { url: 'http://127.0.0.1:9/nobody' }
})).json()
// A bundle of everything: the erasures that are asked for below change no byte of it.
const exported = await post('/v1/exports', { format: 'bundle' })
await until(async () => await call('acme.auditor', `/v1/exports/${exported.id}`),
  (answer) => answer.json().state === 'ready')

const SAMPLES = samplesOf({ receipt, own, keyId, erasure, hold, policy, exported, webhook })

function sampleOf (method: string, url: string): InjectOptions {
  const sample = SAMPLES[`${method} ${url}`]
  if (sample === undefined) throw new Error(`no sample for ${method} ${url}`)
  return { method: method as 'GET', url, ...sample.request }
}

t.test('every route has a sample, and every sample a route', async (t) => {
  const routes = PROTECTED.map(([method, url]) => `${method} ${url}`)
  t.strictSame(Object.keys(SAMPLES).sort(), routes.sort())
})

t.test('every route refuses who has no valid key', async (t) => {
  for (const [method, url] of PROTECTED) {
    const request = sampleOf(method, url)
    const longer = `Bearer ${service.keys['acme.admin']}x`
    for (const authorization of [undefined, 'Bearer nonsense', longer]) {
      const answer = await app.inject({
        ...request, headers: authorization === undefined ? {} : { authorization }
      })
      t.equal(answer.statusCode, 401, `${method} ${url}`)
      t.match(answer.headers['www-authenticate'], /^Bearer/)
      t.equal(answer.json().type, '/problems/unauthenticated')
    }
  }
})

const KEYS = [
  ...TENANT_ROLES.map((role) => ({ key: `acme.${role}`, role })),
  ...SERVER_ROLES.map((role) => ({ key: `server.${role}`, role }))
]

t.test('every route refuses every role that it does not name', async (t) => {
  for (const [method, url, , roles] of PROTECTED) {
    for (const { key, role } of KEYS.filter((one) => !roles.includes(one.role))) {
      const answer = await call(key, sampleOf(method, url))
      t.equal(answer.statusCode, 403, `${method} ${url} as ${key} (${role})`)
      t.equal(answer.json().type, '/problems/forbidden')
    }
  }
})

/** What of an answer is not as the route's schema, and so the document, says. */
function undeclared (route: string, answer: Answer): string[] {
  const schemas: Record<string, TSchema> = Object(service.declared.get(route)?.response)
  const declared = answer.statusCode >= 400 ? Problem : schemas[answer.statusCode]
  if (declared === undefined) return [`status ${answer.statusCode}`]
  const [type = ''] = String(answer.headers['content-type']).split(';')
  const schema: TSchema | undefined = 'content' in declared
    ? declared['content'][type]?.schema
    : declared
  if (schema === undefined) return type === 'text/event-stream' ? [] : [`type ${type}`]
  const replayed = /replay|streams/.test(route) && 'content' in declared
  if (!replayed && !/^application\/(problem\+)?json$/.test(type)) return []
  const lines = replayed
    ? answer.body.trim().split('\n').map((line) => ({ line, schema: ReplayLine }))
    : [{ line: answer.body, schema }]
  return lines.flatMap(({ line, schema }) => [...Value.Errors(schema, JSON.parse(line))])
    .map(({ path, message }) => `${path}: ${message}`)
}

/** Tenants are made by the server's administrator alone; nobody else can be every tenant's. */
const SERVER_ONLY = new Set(['POST /v1/tenants'])

t.test('every route serves the roles that it names', async (t) => {
  for (const [method, url, , roles] of PROTECTED) {
    const route = `${method} ${url}`
    for (const { key } of KEYS.filter((one) => roles.includes(one.role))) {
      if (key.startsWith('acme.') && SERVER_ONLY.has(route)) continue
      const answer = await call(key, sampleOf(method, url))
      // A second administrator finds done what the first has done.
      const done = [409, 404].includes(answer.statusCode) && method !== 'GET'
      t.ok(answer.statusCode === SAMPLES[route]?.status || done,
        `${route} as ${key}: ${answer.statusCode} ${answer.body.slice(0, 120)}`)
      t.strictSame(undeclared(route, answer), [], `${route} answers as it declares`)
    }
  }
})

t.test('what another tenant has is not there', async (t) => {
  for (const [method, url, , roles] of PROTECTED) {
    const route = `${method} ${url}`
    for (const role of roles.filter((role) => role !== 'operator')) {
      const answer = await call(`globex.${role}`, sampleOf(method, url))
      t.equal(answer.statusCode, SAMPLES[route]?.foreign, `${route} as globex.${role}`)
      if (method === 'GET') {
        t.notOk(answer.body.includes(receipt.id) || answer.body.includes('Alice'), route)
      }
    }
  }
})

t.test('a key of the server reads and writes no events', async (t) => {
  for (const [method, url, , roles] of PROTECTED) {
    if (roles.some((role) => SERVER_ROLES.includes(role))) continue
    for (const role of SERVER_ROLES) {
      t.equal((await call(`server.${role}`, sampleOf(method, url))).statusCode, 403, url)
    }
  }
})

t.test('a refusal is recorded where it happened, and many as one', async (t) => {
  const denied = async (): Promise<Answer> =>
    await call('acme.auditor', '/v1/events?action=ledger.denied&limit=200')
  for (let i = 0; i < 5; i++) await call('acme.producer', '/v1/tasks')
  interface Denied { data: { operation: string, permission: string }, entity: { name: string } }
  const ours = (answer: Answer): Denied[] => answer.json().items.filter((item: Denied) =>
    item.data.operation === 'GET /v1/tasks' && item.entity.name === 'producer')
  const answer = await until(denied, (answer) => ours(answer).length > 0)
  t.match(ours(answer), [{
    outcome: 'denied', source: 'ledger', data: { permission: 'auditor or compliance', times: 1 }
  }])
  t.equal(ours(answer).length, 1)
})

t.test('what is public needs no key', async (t) => {
  for (const [, url] of PUBLIC) {
    const page = url.replace(':code', 'forbidden').replace(':page', 'read')
    const { statusCode } = await app.inject(page)
    t.equal(statusCode, 200, url)
  }
})

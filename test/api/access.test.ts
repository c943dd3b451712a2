import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { Problem } from '../../schemas/problem.ts'
import { PROTECTED, PUBLIC } from '../../src/api/app.ts'
import { event, SERVER_ROLES, TENANT_ROLES, testService, until, type Answer } from './service.ts'

const service = await testService(t)
const { call, append, app } = service

const receipt = await append('acme', event())
const { id: keyId } = (await call('acme.admin', {
  method: 'POST', url: '/v1/api-keys', payload: { name: 'spare', roles: ['auditor'] }
})).json()

await until(async () => await call('acme.auditor', `/v1/events/${receipt.id}/proof`),
  ({ statusCode }) => statusCode === 200)
await until(async () => await call('globex.auditor', '/v1/checkpoint'),
  ({ statusCode }) => statusCode === 200)

/** A request for every route that succeeds in acme, and what another tenant gets of the same. */
const SAMPLES: Record<string, { request: InjectOptions, status: number, foreign: number }> = {
  'POST /v1/events': {
    request: {
      payload: event({ actor: { type: 'service', id: 's' }, entity: { type: 'x', id: '1' } })
    },
    status: 201,
    foreign: 201
  },
  'GET /v1/events': { request: {}, status: 200, foreign: 200 },
  'GET /v1/events/:id': {
    request: { url: `/v1/events/${receipt.id}` }, status: 200, foreign: 404
  },
  'GET /v1/events/:id/raw': {
    request: { url: `/v1/events/${receipt.id}/raw` }, status: 200, foreign: 404
  },
  'GET /v1/events/:id/proof': {
    request: { url: `/v1/events/${receipt.id}/proof` }, status: 200, foreign: 404
  },
  'GET /v1/entities/:type/:id/proof': {
    request: { url: '/v1/entities/order/456/proof' }, status: 200, foreign: 404
  },
  'GET /v1/checkpoint': { request: {}, status: 200, foreign: 200 },
  'GET /v1/checkpoints': { request: {}, status: 200, foreign: 200 },
  'GET /v1/proofs/consistency': {
    request: { url: '/v1/proofs/consistency?from=0' }, status: 200, foreign: 200
  },
  'GET /v1/tile/*': { request: { url: '/v1/tile/0/000.p/1' }, status: 200, foreign: 200 },
  'GET /v1/entities/:type/:id/events': {
    request: { url: '/v1/entities/order/456/events' }, status: 200, foreign: 200
  },
  'GET /v1/entities/:type/:id/state': {
    request: { url: '/v1/entities/order/456/state?at=0' }, status: 200, foreign: 404
  },
  'GET /v1/entities/:type/:id/diff': {
    request: { url: '/v1/entities/order/456/diff?from=0' }, status: 200, foreign: 404
  },
  'GET /v1/users/:id/events': {
    request: { url: '/v1/users/u-81/events' }, status: 200, foreign: 200
  },
  'GET /v1/users/:id/summary': {
    request: { url: '/v1/users/u-81/summary' }, status: 200, foreign: 200
  },
  'GET /v1/me/events': { request: {}, status: 200, foreign: 200 },
  'GET /v1/tasks': { request: {}, status: 200, foreign: 200 },
  'GET /v1/streams/:stream/events': {
    request: { url: `/v1/streams/${receipt.stream}/events` }, status: 200, foreign: 404
  },
  'GET /v1/replay': { request: {}, status: 200, foreign: 200 },
  'GET /v1/projections': { request: {}, status: 200, foreign: 200 },
  'POST /v1/tenants': { request: { payload: { id: 'made-by-server' } }, status: 201, foreign: 403 },
  'GET /v1/tenants': { request: {}, status: 200, foreign: 200 },
  'GET /v1/tenants/:tenant': { request: { url: '/v1/tenants/acme' }, status: 200, foreign: 404 },
  'PATCH /v1/tenants/:tenant': {
    request: { url: '/v1/tenants/acme', payload: { settings: {} } }, status: 200, foreign: 404
  },
  'POST /v1/api-keys': {
    request: { payload: { name: 'k', roles: ['auditor'], tenant: 'acme' } },
    status: 201,
    foreign: 404
  },
  'GET /v1/api-keys': { request: { url: '/v1/api-keys?tenant=acme' }, status: 200, foreign: 404 },
  'POST /v1/api-keys/:id/rotate': {
    request: { url: `/v1/api-keys/${keyId}/rotate` }, status: 201, foreign: 404
  },
  'DELETE /v1/api-keys/:id': {
    request: { url: `/v1/api-keys/${keyId}` }, status: 200, foreign: 404
  }
}

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
  const schema = answer.statusCode >= 400 ? Problem : schemas[answer.statusCode]
  if (schema === undefined) return [`status ${answer.statusCode}`]
  const [type = ''] = String(answer.headers['content-type']).split(';')
  const declared: TSchema = 'content' in schema ? schema['content'][type]?.schema : schema
  if (declared === undefined) return [`content type ${type}`]
  return valuesOf(type, answer.body).flatMap((value) => [...Value.Errors(declared, value)])
    .map(({ path, message }) => `${path}: ${message}`)
}

function valuesOf (type: string, body: string): unknown[] {
  if (type === 'application/x-ndjson') {
    return body.trim().split('\n').map((line): unknown => JSON.parse(line))
  }
  return [type.endsWith('json') ? JSON.parse(body) : body]
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
    const { statusCode } = await app.inject(url.replace(':code', 'forbidden'))
    t.equal(statusCode, 200, url)
  }
})

import t from 'tap'
import { testService, until, event, type Answer } from './service.ts'
import { ensureKey, ensureTenant } from '../../src/api/bootstrap.ts'

const service = await testService(t)
const { call, app } = service

async function send (
  key: string, method: 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object
): Promise<Answer> {
  return await call(key, payload === undefined ? { method, url } : { method, url, payload })
}

async function makeKey (wish: object): Promise<Answer> {
  return await send('acme.admin', 'POST', '/v1/api-keys', wish)
}

async function rotate (id: string, body: object): Promise<Answer> {
  return await send('acme.admin', 'POST', `/v1/api-keys/${id}/rotate`, body)
}

async function statusOf (secret: string, url = '/v1/events'): Promise<number> {
  return (await app.inject({ url, headers: { authorization: `Bearer ${secret}` } })).statusCode
}

async function ownEvents (tenant: string, action: string): Promise<any[]> { // eslint-disable-line
  const answer = await until(
    async () => await call(`${tenant}.auditor`, `/v1/events?action=${action}&limit=200`),
    (answer) => answer.json().items.length > 0)
  return answer.json().items
}

t.test('a key works from its making to its revocation', async (t) => {
  const made = await makeKey({ name: 'reader', roles: ['auditor'] })
  t.equal(made.statusCode, 201, made.body)
  const { id, secret, ...shown } = made.json()
  t.match(shown, { tenant: 'acme', name: 'reader', roles: ['auditor'], revokedAt: null })
  t.equal(await statusOf(secret), 200)
  const list = await call('acme.admin', '/v1/api-keys')
  t.ok(list.json().items.some((key: { id: string }) => key.id === id))
  t.notOk(list.body.includes(secret), 'the secret is shown once')

  const revoked = await send('acme.admin', 'DELETE', `/v1/api-keys/${id}`)
  t.equal(revoked.statusCode, 200)
  t.ok(revoked.json().revokedAt)
  t.equal(await statusOf(secret), 401)
  const again = await send('acme.admin', 'DELETE', `/v1/api-keys/${id}`)
  t.strictSame(again.json(), { ...revoked.json(), lastUsedAt: again.json().lastUsedAt })
})

t.test('a rotated key works for the overlap beside its successor', async (t) => {
  const old = (await makeKey({ name: 'rotated', roles: ['auditor'] })).json()
  const rotated = await rotate(old.id, { overlapSeconds: 60 })
  t.equal(rotated.statusCode, 201, rotated.body)
  const { id, secret, name } = rotated.json()
  t.equal(name, 'rotated')
  t.not(id, old.id)
  t.strictSame([await statusOf(old.secret), await statusOf(secret)], [200, 200])
  const twice = await rotate(old.id, {})
  t.equal(twice.statusCode, 409, 'a key is rotated once')

  const third = await rotate(id, { overlapSeconds: 0 })
  t.strictSame([await statusOf(secret), await statusOf(third.json().secret)], [401, 200])
})

t.test('an expired key does not work', async (t) => {
  const expiresAt = new Date(Date.now() + 150).toISOString()
  const { secret } = (await makeKey({ name: 'short', roles: ['auditor'], expiresAt })).json()
  const status = await until(async () => await statusOf(secret), (status) => status === 401)
  t.equal(status, 401)
})

t.test('keys that make no sense are refused', async (t) => {
  const rows: Array<[key: string, body: object, status: number, pointer?: string]> = [
    ['acme.admin', { name: 'x', roles: ['operator'] }, 400, '/roles'],
    ['acme.admin', { name: 'x', roles: ['self'] }, 400, '/subject'],
    ['acme.admin', { name: 'x', roles: ['auditor'], subject: { type: 'user', id: '1' } }, 400,
      '/subject'],
    ['acme.admin', { name: 'x', roles: [] }, 400, '/roles'],
    ['acme.admin', { name: 'x', roles: ['root'] }, 400, '/roles/0'],
    ['acme.admin', { name: 'x', roles: ['auditor', 'auditor'] }, 400, '/roles'],
    ['acme.admin', { name: 'x y', roles: ['auditor'] }, 400, '/name'],
    ['acme.admin', { name: 'x'.repeat(65), roles: ['auditor'] }, 400, '/name'],
    ['acme.admin', { name: 'x', roles: ['auditor'], extra: 1 }, 400, '/extra'],
    ['acme.admin', { name: 'x', roles: ['auditor'], expiresAt: '2020-01-01T00:00:00Z' }, 400,
      '/expiresAt'],
    ['acme.admin', { name: 'x', roles: ['auditor'], tenant: 'globex' }, 404],
    ['acme.admin', { name: 'auditor', roles: ['auditor'] }, 409],
    ['server.admin', { name: 'x', roles: ['auditor'] }, 400, '/roles'],
    ['server.admin', { name: 'x', roles: ['auditor'], tenant: 'nowhere' }, 404]
  ]
  for (const [key, body, status, pointer] of rows) {
    const answer = await send(key, 'POST', '/v1/api-keys', body)
    t.equal(answer.statusCode, status, `${JSON.stringify(body)}: ${answer.body}`)
    if (pointer !== undefined) t.equal(answer.json().violations[0].pointer, pointer, answer.body)
  }
  const nulled = await call('acme.admin', {
    method: 'POST',
    url: '/v1/api-keys',
    payload: 'null',
    headers: { 'content-type': 'application/json' }
  })
  t.match(nulled.json(), { status: 400, violations: [{ pointer: '', detail: 'is null' }] })
  t.equal((await rotate('nothing', {})).statusCode, 404)
  t.equal((await rotate('nothing', { overlapSeconds: -1 })).statusCode, 400)
})

t.test('the server makes tenants and their keys, and a tenant sees itself alone', async (t) => {
  const made = await send('server.admin', 'POST', '/v1/tenants', { id: 'umbrella' })
  t.equal(made.statusCode, 201, made.body)
  t.equal(made.headers['location'], '/v1/tenants/umbrella')
  t.equal((await send('server.admin', 'POST', '/v1/tenants', { id: 'umbrella' })).statusCode, 409)
  for (const id of ['ledger', 'Umbrella', '', 'a b', 'x'.repeat(64)]) {
    t.equal((await send('server.admin', 'POST', '/v1/tenants', { id })).statusCode, 400, id)
  }
  const key = await send('server.admin', 'POST', '/v1/api-keys', {
    name: 'first', roles: ['admin', 'auditor'], tenant: 'umbrella'
  })
  t.equal(key.statusCode, 201, key.body)
  const own = await app.inject({
    url: '/v1/tenants', headers: { authorization: `Bearer ${key.json().secret}` }
  })
  t.strictSame(own.json().items.map(({ id }: { id: string }) => id), ['umbrella'])
  const all = await call('server.admin', '/v1/tenants')
  t.strictSame(all.json().items.map(({ id }: { id: string }) => id), ['acme', 'globex', 'umbrella'])
})

t.test('settings change member by member and count at once', async (t) => {
  const set = async (settings: object): Promise<Answer> =>
    await send('globex.admin', 'PATCH', '/v1/tenants/globex', { settings })
  t.strictSame((await set({ personTypes: ['pilot'] })).json().settings, { personTypes: ['pilot'] })
  t.strictSame((await set({ sealData: false })).json().settings,
    { personTypes: ['pilot'], sealData: false })
  t.equal((await set({ nope: true })).statusCode, 400)
  const receipt = await service.append('globex', event({ entity: { type: 'pilot', id: 'p-1' } }))
  t.match(receipt.stream, /^globex\.pilot-[0-9a-f]{8}-/, 'a pilot is a person now')
  t.match(await ownEvents('globex', 'ledger.tenant_updated'), [
    { before: { personTypes: ['pilot'] }, after: { sealData: false } },
    { before: {}, after: { personTypes: ['pilot'] } }
  ])
})

t.test('every change of keys is on record, without secrets', async (t) => {
  const { id } = (await send('globex.admin', 'POST', '/v1/api-keys', {
    name: 'recorded', roles: ['auditor']
  })).json()
  const rotated = (await send('globex.admin', 'POST', `/v1/api-keys/${id}/rotate`, {})).json()
  await send('globex.admin', 'DELETE', `/v1/api-keys/${rotated.id}`)
  const [revoked] = await ownEvents('globex', 'ledger.api_key_revoked')
  t.match(revoked, {
    source: 'ledger',
    actor: { type: 'service', name: 'admin' },
    entity: { type: 'ledger_api_key', id: rotated.id, name: 'recorded' },
    data: { operation: 'delete', roles: ['auditor'] }
  })
  t.match((await ownEvents('globex', 'ledger.api_key_rotated'))[0], { entity: { id: rotated.id } })
  t.ok((await ownEvents('globex', 'ledger.api_key_created')).some(({ entity }) => entity.id === id))
  const body = (await call('globex.auditor', '/v1/events?action=ledger.*&limit=200')).body
  t.notOk(body.includes(rotated.secret))
})

t.test('what the first start makes is made once', async (t) => {
  const options = {
    adminPool: service.database.pool('ledger_admin'), record: async () => {}, keyEnvironment: 'test'
  }
  const wanted = { tenant: null, name: 'root', roles: ['admin' as const] }
  await ensureTenant(options, 'default')
  await ensureTenant(options, 'default')
  const text = await ensureKey(options, wanted)
  t.equal(await statusOf(text, '/v1/tenants'), 200)
  t.equal(await ensureKey(options, { ...wanted, known: text }), text, 'it still works')
  const other = await ensureKey(options, { ...wanted, known: 'lost' })
  t.not(other, text)
  t.equal(await statusOf(other, '/v1/tenants'), 200)
})

t.test('a change that cannot be recorded does not happen', async (t) => {
  await service.node.stop()
  const before = (await call('acme.admin', '/v1/api-keys')).json().items.length
  const made = await makeKey({ name: 'unheard', roles: ['auditor'] })
  t.equal(made.statusCode, 503, made.body)
  t.match(made.json(), { type: '/problems/log-unavailable', detail: 'The log cannot be reached' })
  t.equal((await call('acme.admin', '/v1/api-keys')).json().items.length, before)
  const tenant = await send('server.admin', 'POST', '/v1/tenants', { id: 'unheard' })
  t.equal(tenant.statusCode, 503)
  t.notOk((await call('server.admin', '/v1/tenants')).body.includes('unheard'))
})

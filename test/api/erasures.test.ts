import { createHash, randomUUID } from 'node:crypto'
import t from 'tap'
import { createLookup } from '../../src/api/lookup.ts'
import { destroyedEvent } from '../../src/ledger/erasure-events.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import { parseVerifierKey } from '../../src/proof/keys.ts'
import { policyOf } from '../../src/proof/policy.ts'
import { verifyProof } from '../../src/proof/verify.ts'
import { BASIS, erasingService, person } from './erasing.ts'
import { until, type Answer } from './service.ts'

const service = await erasingService(t)
const { call, append, send, ask, become, erase, get, database } = service
const superuser = database.pool(undefined, { url: database.superuserUrl })

t.test('who is erased is gone from feeds, and their events stay without them', async (t) => {
  const order = { type: 'order', id: 'erased-order' }
  await append('acme', [
    person('u-gone', { entity: order, related: [{ type: 'student', id: 's-kept' }] }),
    person('u-stays', { entity: order, related: [{ type: 'user', id: 'u-gone', name: 'Canary' }] }),
    person('u-stays', {
      entity: { type: 'user', id: 'u-gone' },
      data: { note: 'Canary note' },
      personal: [{ subject: { type: 'user', id: 'u-gone' }, paths: ['/data/note'] }]
    })
  ])
  const before = (await get('/v1/entities/order/erased-order/events')).json().items
  const raw = await Promise.all(before.map(async ({ id }: { id: string }) =>
    (await get(`/v1/events/${id}/raw`)).body))
  const ref = /user-([0-9a-f-]{36})$/.exec((await get('/v1/users/u-gone/events')).json().items
    .find((item: { stream: string }) => item.stream.startsWith('acme.user-')).stream)?.[1] ?? ''

  const erasure = await erase('u-gone')
  t.match(erasure, {
    waitingFor: [],
    subject: { type: 'user', ref },
    legalBasis: BASIS.legalBasis,
    requestedBy: { name: 'compliance' },
    holdsChecked: 0,
    lateEvents: 0,
    result: { events: 3, rows: { entry: 3, user_feed: 3, entity_trail: 2, activity_summary: 1 } }
  })
  for (const url of ['users/u-gone/events', 'users/u-gone/summary', `users/${ref}/events`,
    'entities/user/u-gone/events', 'entities/user/u-gone/state'].map((path) => `/v1/${path}`)) {
    t.equal((await get(url)).statusCode, 404, url)
  }
  t.strictSame((await get('/v1/events?actor=user:u-gone')).json().items, [])
  const mark = { erased: true, erasure: erasure.id, erasedAt: erasure.orderedAt }
  const [second, first] = (await get('/v1/entities/order/erased-order/events')).json().items
  t.strictSame(first.actor, { type: 'user', ...mark })
  t.strictSame(first.context, { ip: mark, sessionId: mark })
  t.strictSame(first.related, [{ type: 'student', id: 's-kept' }], 'others stay themselves')
  t.strictSame(second.actor.name, 'Canary u-stays')
  t.strictSame(second.related, [{ type: 'user', ...mark }])
  const [about] = (await get('/v1/users/u-stays/events')).json().items
  t.strictSame([about.entity, about.data], [{ type: 'user', ...mark }, { note: mark }])
  t.equal((await get('/v1/users/u-stays/events')).json().items.length, 2)

  const after = await Promise.all(before.map(async ({ id }: { id: string }) =>
    (await get(`/v1/events/${id}/raw`)).body))
  t.strictSame(after, raw, 'the log holds the same bytes')
  t.strictSame((await get('/v1/entities/order/erased-order/events')).json().items
    .map(({ leafHash }: { leafHash: string }) => leafHash),
  before.map(({ leafHash }: { leafHash: string }) => leafHash))
  const { rows } = await superuser.query(
    "select head, sealed, actor_key, entity_key from read.entry where tenant = 'acme'")
  t.notMatch(JSON.stringify(rows), ref, 'no row names the ref')
  const vault = await superuser.query('select from vault.subject where ref = $1', [ref])
  t.equal(vault.rowCount, 0)
})

t.test('a proof from before an erasure holds after it, and so does one from after', async (t) => {
  const id = randomUUID()
  await append('acme', [person('u-proven', { id })])
  const proof = async (): Promise<string> => (await until(async () => await call('acme.auditor', {
    url: `/v1/events/${id}/proof`, headers: { accept: 'text/plain' }
  }), ({ statusCode }) => statusCode === 200)).body
  const before = await proof()
  await erase('u-proven')
  const { verifierKeys } =
    (await call(undefined, '/.well-known/ledger-keys?origin=test/acme')).json()
  const policy = policyOf(verifierKeys.map(parseVerifierKey))
  for (const text of [before, await proof()]) {
    const { findings, summary } = verifyProof(text, { policy })
    t.strictSame(findings, [])
    t.match(summary, { ok: true, proven: 1 })
  }
  const leafOf = (text: string): string | undefined => text.split('\n')
    .find((line) => line.startsWith('extra '))
  t.equal(leafOf(await proof()), leafOf(before), 'it is the same leaf')
})

t.test('the certificate says what was done, in JSON and on a page', async (t) => {
  await append('acme', person('u-certified', { entity: { type: 'order', id: '<b>"1"</b>' } }))
  const asked = (await ask('u-certified')).json()
  const early = await get(`/v1/erasures/${randomUUID()}/certificate`)
  t.equal(early.statusCode, 404)
  await become(asked.id, 'executed')
  const certificate = (await get(`/v1/erasures/${asked.id}/certificate`)).json()
  t.match(certificate, {
    title: 'Certificate of erasure',
    tenant: 'acme',
    erasure: { id: asked.id, state: 'executed', legalBasis: BASIS.legalBasis, holdsChecked: 0 },
    recipientsToNotify: ['Payroll']
  })
  t.strictSame(certificate.events.map(({ action }: { action: string }) => action),
    ['ledger.erasure_requested', 'ledger.erasure_ordered', 'ledger.erasure_executed'])
  for (const { id, leafHash } of certificate.events) {
    const raw = await get(`/v1/events/${id}/raw`)
    t.equal(raw.headers['ledger-leaf-hash'], leafHash)
    t.notMatch(raw.body, /u-certified|canary/i, 'no event of it names the person')
  }
  const page = await call('acme.auditor', {
    url: `/v1/erasures/${asked.id}/certificate`, headers: { accept: 'text/html,application/json' }
  })
  t.match(page.headers['content-type'], 'text/html')
  const style = /<style>(.*)<\/style>/s.exec(page.body)?.[1] ?? ''
  t.match(page.headers['content-security-policy'],
    createHash('sha256').update(style).digest('base64'), 'its own style and nothing else')
  t.match(page.body, /<h1>Certificate of erasure/)
  t.match(page.body, BASIS.legalBasis)
  t.notMatch(page.body, /u-certified|<script/)
})

t.test('the certificate is verified once the master key is gone as well', async (t) => {
  // As a rotation leaves it whose old key is kept, in a file or a safe.
  await superuser.query(`insert into vault.master_key (id, current, since, until)
    values ('local:kept', false, '-infinity', 'infinity')`)
  await append('acme', [person('u-verified'), person('u-unverified')])
  const { id, result, verified } = await erase('u-verified')
  t.equal(verified, null)
  t.match(result, { masterKey: /^local:/, olderMasterKeys: ['local:kept'] })
  await superuser.query("delete from vault.master_key where id = 'local:kept'")
  const ledger = createLedger({
    log: service.log,
    vault: {
      provision: async () => new Map(), keys: async () => new Map(), find: async () => undefined
    },
    lookup: createLookup(database.pool('ledger_api')),
    now: Date.now,
    newId: randomUUID
  })
  const destroy = async (key: string, tenant: string): Promise<void> => {
    await ledger.recordOwn(tenant, [destroyedEvent(tenant, { key, to: 'local:2' })])
  }
  await destroy('local:of-others', 'acme')
  await destroy(result.masterKey, 'globex')
  const other = await erase('u-unverified')
  t.equal(other.verified, null, 'neither another key nor another tenant\'s record counts')
  await destroy(result.masterKey, 'acme')
  const url = `/v1/erasures/${id}/certificate`
  const isVerified = (answer: Answer): boolean => answer.json().erasure.verified !== null
  await until(async () => await get(`/v1/erasures/${other.id}`),
    (answer) => answer.json().verified !== null)
  t.notOk(isVerified(await get(url)), 'the key that was kept opens backups of before the rotation')
  await destroy('local:kept', 'acme')
  const certificate = (await until(async () => await get(url), isVerified)).json()
  t.match(certificate.erasure.verified, {
    at: String, masterKey: result.masterKey, olderMasterKeys: ['local:kept']
  })
  t.strictSame(certificate.events.slice(-2).map(({ action }: { action: string }) => action),
    ['ledger.master_key_destroyed', 'ledger.master_key_destroyed'])
  const page = await call('acme.auditor', { url, headers: { accept: 'text/html' } })
  t.match(page.body, new RegExp(`${certificate.erasure.verified.at}: master key local:`))
})

t.test('asking twice, or at once, is one erasure; who comes back is somebody new', async (t) => {
  await append('acme', person('u-twice'))
  const answers = await Promise.all([ask('u-twice'), ask('u-twice'), send('acme.compliance',
    '/v1/erasures', { subject: { type: 'user', id: 'u-twice' }, legalBasis: 'x', reason: 'y' })])
  t.strictSame(answers.map(({ statusCode }) => statusCode), [202, 202, 202])
  t.equal(new Set(answers.map((answer) => answer.json().id)).size, 1)
  const [{ id, subject }] = answers.map((answer) => answer.json())
  await become(id, 'executed')
  t.equal((await get('/v1/events?action=ledger.erasure_ordered&limit=200')).json().items
    .filter(({ data }: { data: { erasure: string } }) => data.erasure === id).length, 1)

  t.equal((await ask('u-twice')).statusCode, 404, 'nobody is left to erase')
  await append('acme', person('u-twice'))
  const back = (await get('/v1/users/u-twice/events')).json().items
  t.equal(back.length, 1, 'a feed of its own')
  const again = await erase('u-twice')
  t.not(again.id, id)
  t.not(again.subject.ref, subject.ref)
})

t.test('a retried append of an erased person is answered and makes nobody known', async (t) => {
  const id = randomUUID()
  const sent = person('u-retried', { id, entity: { type: 'user', id: 'u-retried' } })
  const receipt = await append('acme', sent)
  await erase('u-retried')
  const answer = await send('acme.producer', '/v1/events', sent)
  t.equal(answer.statusCode, 200, answer.body)
  t.match(answer.json(), { ...receipt, projected: undefined, duplicate: true })
  t.equal((await get('/v1/users/u-retried/events')).statusCode, 404)
  const other = await send('acme.producer', '/v1/events', { ...sent, action: 'order.other' })
  t.equal(other.statusCode, 409, 'other content is other content')
})

t.test('cooling off and a second approver, who is never the first', async (t) => {
  const settings = async (erasure: object): Promise<void> => {
    await call('globex.admin', {
      method: 'PATCH', url: '/v1/tenants/globex', payload: { settings: { erasure } }
    })
  }
  const second = (await send('globex.admin', '/v1/api-keys', {
    name: 'second', roles: ['compliance']
  })).json().secret
  const approve = async (id: string, secret?: string): Promise<Answer> => secret === undefined
    ? await send('globex.compliance', `/v1/erasures/${id}/approve`)
    : await service.app.inject({
      method: 'POST',
      url: `/v1/erasures/${id}/approve`,
      headers: { authorization: `Bearer ${secret}` },
      payload: {}
    })
  await settings({ secondApprover: true, coolingOffHours: 1 / 3_600 })
  await append('globex', person('u-careful'))
  const { id, ...asked } = (await ask('u-careful', 'globex')).json()
  t.match(asked, { needsApproval: true, waitingFor: ['approval', 'cooling-off'] })
  t.equal((await approve(id)).statusCode, 403, 'the requester')
  t.equal((await call('globex.auditor', `/v1/erasures/${id}`)).json().state, 'requested')
  const approved = await approve(id, second)
  t.match(approved.json(), { approvedBy: { name: 'second' } }, approved.body)
  t.equal((await approve(id, second)).statusCode, 200, 'again')
  const done = await become(id, 'executed', 'globex')
  t.ok(Date.parse(done.orderedAt) >= Date.parse(done.notBefore), 'not before its time')
  t.equal((await approve(randomUUID(), second)).statusCode, 404)

  await settings({})
  await append('globex', person('u-plain'))
  const plain = (await ask('u-plain', 'globex')).json()
  t.equal((await approve(plain.id, second)).statusCode, 409, 'needs none')
})

t.test('what is not for everybody is not, and what makes no sense is refused', async (t) => {
  await append('acme', person('u-matrix'))
  await append('globex', person('u-foreign'))
  const subject = { type: 'user', id: 'u-matrix' }
  const body = { subject, ...BASIS }
  for (const role of ['producer', 'self', 'auditor', 'admin']) {
    for (const [url, payload] of [
      ['/v1/erasures', body], [`/v1/erasures/${randomUUID()}/approve`, {}],
      ['/v1/holds', { tenant: true, reason: 'x' }], [`/v1/holds/${randomUUID()}/release`, {}]
    ] as const) {
      t.equal((await send(`acme.${role}`, url, payload)).statusCode, 403, `${role} ${url}`)
    }
    const reads = role === 'auditor' ? 200 : 403
    t.equal((await get('/v1/erasures', `acme.${role}`)).statusCode, reads)
    t.equal((await get('/v1/holds', `acme.${role}`)).statusCode, reads)
  }
  t.equal((await call(undefined, '/v1/erasures')).statusCode, 401)
  t.equal((await ask('u-foreign')).statusCode, 404, 'another tenant\'s')
  t.equal((await ask('u-nobody')).statusCode, 404)
  const { id } = (await get('/v1/erasures')).json().items[0]
  for (const path of [id, `${id}/certificate`]) {
    t.equal((await get(`/v1/erasures/${path}`, 'globex.auditor')).statusCode, 404, path)
  }
  const rows: Array<[object, string]> = [
    [{ ...body, reason: 'Because U-MATRIX asked' }, '/reason'],
    [{ ...body, recipients: ['About u-matrix'] }, '/recipients'],
    [{ ...body, reason: '' }, '/reason'],
    [{ ...body, reason: 'x'.repeat(1_025) }, '/reason'],
    [{ ...body, recipients: Array(51).fill('x') }, '/recipients'],
    [{ ...body, extra: 1 }, '/extra']
  ]
  for (const [payload, pointer] of rows) {
    const answer = await send('acme.compliance', '/v1/erasures', payload)
    t.equal(answer.statusCode, 400, answer.body)
    t.equal(answer.json().violations[0].pointer, pointer)
  }
})

t.test('the key of an erased user reads nothing more', async (t) => {
  await append('acme', person('u-own'))
  const made = await send('acme.admin', '/v1/api-keys', {
    name: 'own', roles: ['self'], subject: { type: 'user', id: 'u-own' }
  })
  const mine = async (): Promise<Answer> => await service.app.inject({
    url: '/v1/me/events', headers: { authorization: `Bearer ${made.json().secret}` }
  })
  t.equal((await mine()).json().items.length, 1)
  await erase('u-own')
  const revoked = await until(mine, ({ statusCode }) => statusCode === 401)
  t.match(revoked.json(), { status: 401, detail: /revoked/ })
  const { rows } = await superuser.query(
    'select subject_ref, revoked_at from control.api_key where id = $1', [made.json().id])
  t.match(rows, [{ subject_ref: null, revoked_at: Date }], 'nor does it say whose it was')
})

t.test('lists are paged, the last first', async (t) => {
  const first = (await get('/v1/erasures?limit=2')).json()
  t.equal(first.items.length, 2)
  const rest = (await get(`/v1/erasures?limit=200&cursor=${first.nextCursor}`)).json()
  t.equal(rest.nextCursor, null)
  const all = [...first.items, ...rest.items].map(({ requestedAt }) => requestedAt)
  t.strictSame(all, all.toSorted().reverse())
  const executed = (await get('/v1/erasures?state=executed&limit=200')).json().items
  t.equal(executed.every(({ state }: { state: string }) => state === 'executed'), true)
})

import { randomUUID } from 'node:crypto'
import t from 'tap'
import { PROTECTED } from '../../src/api/app.ts'
import { spawnNode } from '../../src/embedded/eventstore/spawn.ts'
import { isReading, NO_EVENTS } from '../../src/api/recorded-reads.ts'
import { samplesOfEvents } from './samples.ts'
import { event, SELF, testService, until, type Answer } from './service.ts'

const whole = t
const service = await testService(t)
const { call, append, log } = service

/** More than any work here adds to the log. */
const LATE_MAX = 100

interface Recorded {
  id: string
  actor: { type: string, id: string, name: string }
  entity: { type: string, id: string }
  related?: Array<{ type: string, id: string }>
  data: {
    operation: string
    permission: string
    filters: Record<string, unknown>
    times?: number
    rowCount?: number
  }
}

/** What the log itself says was read during the work; looking does not read. */
async function recordedBy (work: () => Promise<unknown>, tenant = 'acme'): Promise<Recorded[]> {
  const before = (await log.head())?.commit ?? 0n
  await work()
  const found: Recorded[] = []
  for await (const event of log.readAll({ from: 'end', direction: 'backward', max: LATE_MAX })) {
    const { id, type, stream, position, data } = event
    if (position <= before) continue
    if (type !== 'ledger.read' || !stream.startsWith(`${tenant}.`)) continue
    found.push({ id, ...data as Omit<Recorded, 'id'> })
  }
  return found.reverse()
}

const receipt = await append('acme', event({
  related: [{ type: 'customer', id: 'c-canary', name: 'Canary' }], tags: ['vip']
}))
const own = await append('acme', event({ actor: SELF }))
await call('acme.auditor', '/v1/users/u-81/events')
const raw = await call('acme.auditor', `/v1/events/${receipt.id}/raw`)
const refOfAlice: string = raw.json().data.actor.ref
await until(async () => await call('acme.auditor', '/v1/checkpoint'),
  ({ statusCode }) => statusCode === 200)

t.test('every route that gives out events records that, and no other', async (t) => {
  const samples = samplesOfEvents({ receipt, own })
  await until(async () => await call('acme.auditor', `/v1/events/${own.id}/proof`),
    ({ statusCode }) => statusCode === 200)
  for (const [method, url, , roles] of PROTECTED.filter(([method]) => method === 'GET')) {
    const operation = `${method} ${url}`
    const role = (['self', 'compliance', 'auditor'] as const).find((one) => roles.includes(one))
    if (role === undefined) {
      t.notOk(isReading(method, url, roles), `${operation} is not for readers`)
      continue
    }
    const sample = samples[operation]?.request ?? {}
    const foreign = { ...sample, url: sample.url ?? url, method: 'GET' as const }
    let answer: Answer | undefined
    const said = await recordedBy(async () => { answer = await call(`acme.${role}`, foreign) })
    if (NO_EVENTS.has(url) || url === '/v1/tile/*') {
      t.strictSame(said, [], `${operation} gives out no event`)
      continue
    }
    t.equal(answer?.statusCode, 200, `${operation}: ${answer?.body.slice(0, 100)}`)
    // The proof that was waited for above is on record already.
    if (operation === 'GET /v1/events/:id/proof') continue
    t.match(said[0], { data: { operation, permission: role, times: 1 } }, operation)
  }
  for (const url of NO_EVENTS) {
    t.ok(PROTECTED.some((row) => row[1] === url), `${url} is a route`)
  }
  const entries = await recordedBy(async () => {
    await call('acme.auditor', '/v1/tile/entries/000.p/1')
    await call('acme.auditor', '/v1/tile/entries/000.p/2')
  })
  t.match(entries, { length: 1, 0: { data: { operation: 'GET /v1/tile/*' } } })
})

t.test('it says who, what and how many', async (t) => {
  const [said, ...others] = await recordedBy(async () => {
    await call('globex.auditor', '/v1/events?action=ledger.*&limit=3')
  }, 'globex')
  t.strictSame(others, [])
  t.match(said, {
    category: 'access',
    source: 'ledger',
    outcome: 'success',
    actor: { type: 'service', name: 'auditor' },
    entity: { type: 'ledger_api_key', name: 'auditor' },
    data: { operation: 'GET /v1/events', permission: 'auditor', times: 1, rowCount: 3 }
  })
  t.strictSame(said?.data.filters, { action: 'ledger.*' })
  t.equal(said?.actor.id, said?.entity.id)
})

t.test('the same read, other pages of it too, is one event', async (t) => {
  const first = '/v1/events?category=change&limit=1'
  const said = await recordedBy(async () => {
    const { nextCursor } = (await call('acme.auditor', first)).json()
    await Promise.all(Array.from({ length: 5 }, async () => await call('acme.auditor', first)))
    await call('acme.auditor', `${first}&cursor=${nextCursor}`)
    await call('acme.auditor', '/v1/events?limit=2&count=exact&category=change')
  })
  t.equal(said.length, 1)
  const others = await recordedBy(async () => {
    await call('acme.compliance', first)
    await call('acme.auditor', '/v1/events?category=auth')
    await call('acme.auditor', '/v1/entities/order/456/events?category=change')
  })
  t.equal(others.length, 3, 'another key, another filter, another route')
})

t.test('persons are named by their refs, and what could be anybody\'s is left out', async (t) => {
  const subject = [{ type: 'ledger_subject', id: refOfAlice }]
  const alice = { type: 'user', ref: refOfAlice }
  const unknown = (type: string): object => ({ type, unknown: true })
  const hidden = { hidden: true }
  const rows: Array<[url: string, filters: object, related?: object[]]> = [
    ['/v1/users/u-81/summary?from=2020-01-01', { user: alice, from: '2020-01-01' }, subject],
    ['/v1/events?actor=u-81&ip=203.0.113.66', { actor: alice, ip: hidden }, subject],
    ['/v1/events?actor=user:u-81&session=canary', { actor: alice, session: hidden }, subject],
    [`/v1/events?actor=${refOfAlice}`, { actor: alice }, subject],
    ['/v1/events?actor=canary-nobody', { actor: unknown('user') }],
    ['/v1/events?actor=user:canary-nobody', { actor: unknown('user') }],
    ['/v1/events?actor=service:canary-none', { actor: unknown('service') }],
    ['/v1/events?entity=order:456', { entity: { type: 'order', id: '456' } }],
    ['/v1/events?entity=order:canary-none', { entity: unknown('order') }],
    ['/v1/events?entity=user:canary-nobody', { entity: unknown('user') }],
    ['/v1/events?tag=vip&source=producer', { tag: 'vip', source: 'producer' }],
    ['/v1/events?tag=canary-tag&source=canary-x', { tag: hidden, source: hidden }],
    ['/v1/events?correlationId=canary-c', { correlationId: hidden }],
    ['/v1/entities/order/456/state', { entity: { type: 'order', id: '456' } }],
    ['/v1/entities/order/canary-none/state', { entity: unknown('order') }],
    [`/v1/events/${own.id}`, { id: own.id }],
    ['/api/activity?userId=u-81', { user: alice }, subject],
    ['/api/activity/audit/USER/canary-nobody', { entity: unknown('user') }],
    ['/api/activity/audit/USER/u-81', { entity: alice }, subject],
    ['/activities/?entity_type=user&entity_id=u-81', { entity: alice }, subject],
    ['/activities/admin/users/u-81/activities?status=success',
      { user: alice, status: 'success' }, subject],
    ['/activities/admin/summary/canary-nobody', { user: unknown('user') }],
    ['/v1/tasks?type=canary-type', { type: hidden }]
  ]
  for (const [url, filters, related] of rows) {
    const [said] = await recordedBy(async () => await call('acme.compliance', url))
    t.strictSame(said?.data.filters, filters, url)
    t.strictSame(said?.related, related, url)
  }
  for await (const { type, data } of log.readAll()) {
    if (type !== 'ledger.read') continue
    t.notMatch(JSON.stringify(data), /canary|u-81|Alice|203\.0\.113/i)
  }
})

t.test('looking for somebody makes nobody known', async (t) => {
  const superuser = service.database.pool(undefined, { url: service.database.superuserUrl })
  const known = async (): Promise<number> =>
    Number((await superuser.query('select count(*) as n from vault.subject')).rows[0]?.n)
  const before = await known()
  for (const url of ['/v1/events?actor=u-new', '/v1/entities/user/u-new/events',
    '/activities/admin/summary/u-new', '/v1/users/u-new/events']) {
    await call('acme.auditor', url)
  }
  t.equal(await known(), before)
})

t.test('who was looked for before they were known is named as soon as they are', async (t) => {
  const said = await recordedBy(async () => {
    const list = async (): Promise<number> =>
      (await call('acme.auditor', '/v1/events?actor=u-later')).json().items.length
    t.equal(await list() + await list(), 0)
    const { id } = await append('acme', event({ actor: { type: 'user', id: 'u-later' } }))
    t.equal(await list() + await list(), 2, id)
  })
  t.match(said.map(({ data, related }) => [data.filters['actor'], related?.length]), [
    [{ type: 'user', unknown: true }, undefined], [{ type: 'user', ref: /^[0-9a-f-]{36}$/ }, 1]
  ])
})

t.test('who read about a person is found by the ref, and is no part of the feed', async (t) => {
  const answer = await until(
    async () => await call('acme.auditor', `/v1/entities/ledger_subject/${refOfAlice}/events`),
    (answer) => answer.json().items.length > 5)
  t.match(answer.json().items.at(-1), {
    action: 'ledger.read',
    data: { operation: 'GET /v1/users/:id/events', filters: { user: { ref: refOfAlice } } }
  })
  const feed = await call('acme.auditor', '/v1/users/u-81/events')
  t.ok(feed.json().items.every(({ action }: { action: string }) => action === 'order.updated'))
})

t.test('own reads are recorded as such', async (t) => {
  const url = '/v1/me/events?category=auth'
  const [said] = await recordedBy(async () => await call('acme.self', url))
  t.match(said, {
    actor: { name: 'self' }, related: [{ type: 'ledger_subject' }], data: { permission: 'self' }
  })
})

t.test('what is refused or not there is no read', async (t) => {
  t.strictSame(await recordedBy(async () => {
    for (const [key, url] of [
      ['acme.producer', '/v1/events'], ['acme.auditor', `/v1/events/${randomUUID()}`],
      ['acme.auditor', '/v1/events?limit=0'], ['acme.auditor', '/v1/users/nobody/events'],
      [undefined, '/v1/events']
    ] as const) t.ok((await call(key, url)).statusCode >= 400)
  }), [])
})

t.test('to read what was read is recorded as well, and comes to rest', async (t) => {
  const said = await recordedBy(async () => {
    const list = '/v1/events?action=ledger.read&limit=1'
    for (let n = 0; n < 10; n++) await call('acme.auditor', list)
    const url = '/v1/events/stream?action=ledger.read&after=0&seconds=1'
    t.match((await call('acme.auditor', url)).body, '"action":"ledger.read"')
  })
  t.strictSame(said.map(({ data }) => data.operation),
    ['GET /v1/events', 'GET /v1/events/stream'])
})

t.test('without the log nothing is given out but what is on record already', async (t) => {
  const known = '/v1/users/u-81/events'
  t.equal((await call('acme.auditor', known)).statusCode, 200)
  await service.node.stop()
  await Promise.all(['/v1/events?category=task', '/v1/me/events?category=task',
    `/v1/events/${own.id}/raw`, '/v1/events/stream?after=0&seconds=0&category=change',
    '/v1/subjects/customer/c-canary/report', '/api/activity?page=1&action=x'].map(async (url) => {
    const key = url.startsWith('/v1/me') ? 'acme.self' : 'acme.compliance'
    const answer = await call(key, url)
    t.equal(answer.statusCode, 503, `${url}: ${answer.body}`)
    t.match(answer.json(), { type: '/problems/log-unavailable' })
    t.equal(answer.headers['cache-control'], 'no-store')
    t.notMatch(answer.body, /Alice|order\.updated/, url)
  }))
  const answer = await call('acme.auditor', known)
  t.equal(answer.statusCode, 200, 'counted, to be told when the log is back')
  const { dataDir, port } = service.node
  const node = await spawnNode({ dataDir, port })
  whole.teardown(async () => { await node.stop() })
  const said = await until(async () =>
    await recordedBy(async () => await call('acme.compliance', '/v1/events?category=task')),
  ({ length }) => length > 0)
  t.match(said, [{ data: { filters: { category: 'task' } } }])
})

t.test('a server that stops tells what it counted', async (t) => {
  const told = await recordedBy(async () => { await service.app.close() })
  const feed = told.find(({ data, actor }) =>
    data.operation === 'GET /v1/users/:id/events' && actor.name === 'auditor')
  t.match(feed, { data: { times: 3, filters: { user: { ref: refOfAlice } } } },
    'beside the first one')
  const list = told.find(({ data }) => data.filters['action'] === 'ledger.read' &&
    data.operation === 'GET /v1/events')
  t.match(list?.data, { times: 9, rowCount: 9 })
})

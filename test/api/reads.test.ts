import t from 'tap'
import { event, testService, until, type Answer } from './service.ts'

const service = await testService(t)
const { call, append } = service
const read = async (url: string): Promise<Answer> => await call('acme.auditor', url)

interface Item { id: string, position: string, [name: string]: unknown }
const items = (answer: Answer): Item[] => answer.json().items
const ids = (answer: Answer): string[] => items(answer).map(({ id }) => id)

t.test('an event comes back as it was sent, the person opened', async (t) => {
  const sent = event({
    entity: { type: 'invoice', id: '7', name: 'Invoice 7' },
    related: [{ type: 'customer', id: 'c-1', name: 'Carol' }],
    occurredAt: '2026-01-02T03:04:05.678Z',
    description: 'paid',
    tags: ['money'],
    context: { ip: '10.0.0.1', userAgent: 'curl', sessionId: 's-1', requestId: 'r-1' },
    before: { status: 'open' },
    after: { status: 'paid' },
    data: { operation: 'update', note: '"quoted" \u2028 ünï' },
    correlationId: 'corr-1',
    causationId: 'cause-1'
  })
  const receipt = await append('acme', sent)
  const answer = await read(`/v1/events/${receipt.id}`)
  t.equal(answer.statusCode, 200)
  const { id, stream, revision, leafHash, recordedAt } = receipt
  const { position, ...shown } = answer.json()
  t.strictSame(shown, { ...sent, id, stream, revision, leafHash, recordedAt, source: 'producer' })
  t.match(position, /^[0-9]+$/)
})

t.test('the raw event is the leaf data, and personal data is sealed in it', async (t) => {
  const receipt = await append('acme', event({ context: { ip: '10.9.9.9' } }))
  const answer = await read(`/v1/events/${receipt.id}/raw`)
  t.equal(answer.statusCode, 200, answer.body)
  t.equal(answer.headers['ledger-leaf-hash'], receipt.leafHash)
  t.equal(answer.json().id, receipt.id)
  for (const personal of ['u-81', 'Alice', 'alice@example.com', '10.9.9.9']) {
    t.notOk(answer.body.includes(personal), `${personal} is not in the log`)
  }
})

t.test('every filter finds what it says and nothing else', async (t) => {
  const marked = await append('acme', event({
    action: 'auth.login_failed',
    category: 'auth',
    outcome: 'failure',
    actor: { type: 'user', id: 'u-filter', name: 'Fil' },
    entity: { type: 'filtered', id: 'f:1' },
    occurredAt: '2020-05-05T05:05:05Z',
    tags: ['rare-tag'],
    context: { ip: '192.0.2.7', sessionId: 'sess-9' },
    correlationId: 'corr-filter'
  }))
  const service = await append('acme', event({
    actor: { type: 'service', id: 'u-robot' }, context: { ip: '192.0.2.8', sessionId: 'sess-8' }
  }))
  const before = new Date(Date.parse(marked.recordedAt)).toISOString()
  const after = new Date(Date.parse(marked.recordedAt) + 1).toISOString()
  const finds: Array<[query: string, id: string]> = [
    ['actor=user:u-filter', marked.id], ['actor=u-filter', marked.id],
    ['actor=service:u-robot', service.id], ['actor=u-robot', service.id],
    ['entity=filtered:f:1', marked.id], ['entityType=filtered', marked.id],
    ['action=auth.login_failed', marked.id], ['action=auth.*', marked.id],
    ['category=auth', marked.id], ['outcome=failure', marked.id], ['tag=rare-tag', marked.id],
    ['correlationId=corr-filter', marked.id],
    ['ip=192.0.2.8', service.id], ['session=sess-8', service.id],
    ['actor=u-filter&ip=192.0.2.7', marked.id], ['actor=user:u-filter&session=sess-9', marked.id],
    ['from=2020-05-05T05:05:05Z&to=2020-05-05T05:05:06Z', marked.id],
    [`category=auth&recordedFrom=${before}&recordedTo=${after}`, marked.id]
  ]
  for (const [query, id] of finds) {
    t.strictSame(ids(await read(`/v1/events?${query}`)), [id], query)
  }
  const nothing = [
    'actor=user:nobody', 'actor=service:u-filter', 'entity=filtered:f:2', 'action=auth',
    'action=auth.login.*', 'source=other', 'ip=192.0.2.7', 'actor=u-filter&ip=192.0.2.8',
    'to=1999-01-01T00:00:00Z', 'outcome=denied&category=auth', 'entityType=Filtered'
  ]
  for (const query of nothing) t.strictSame(ids(await read(`/v1/events?${query}`)), [], query)
  t.ok(ids(await read('/v1/events?source=producer')).includes(marked.id))
})

t.test('hostile and wrong values are refused or find nothing, in every parameter', async (t) => {
  const hostile = [
    "' or 1=1 --", '$1', '%00', '%ED%A0%80', '\\', '*', '../../etc/passwd', '{"a":1}', '-1', '0',
    'null', 'NaN', '1e309', '9'.repeat(19), '9'.repeat(40), 'a'.repeat(5_000), '😀', '%',
    '__proto__', "2026-01-01T00:00:00Z'", '1999-02-30T00:00:00Z'
  ]
  const surprises: string[] = []
  const lists: Array<[path: string, parameters: string[]]> = [
    ['/v1/events', [
      'actor', 'entity', 'entityType', 'action', 'category', 'outcome', 'source', 'tag', 'ip',
      'session', 'correlationId', 'from', 'to', 'recordedFrom', 'recordedTo', 'limit', 'cursor',
      'count', 'render', 'nope'
    ]],
    ['/v1/aggregations?interval=hour', [
      'groupBy', 'category', 'action', 'outcome', 'actor', 'source', 'entityType', 'from', 'to',
      'top', 'nope'
    ]],
    ['/v1/aggregations?groupBy=entityType,day', ['interval', 'source']],
    ['/v1/sign-ins/failed', ['groupBy', 'from', 'to', 'action', 'threshold', 'top', 'nope']],
    ['/v1/tasks', ['type', 'status', 'entity', 'limit', 'cursor']],
    ['/v1/users/u-81/summary', ['from', 'to']],
    ['/v1/entities/order/456/state', ['at', 'axis']],
    ['/v1/entities/order/456/diff', ['from', 'to']],
    ['/v1/replay', ['after', 'until']]
  ]
  for (const [path, parameters] of lists) {
    const and = path.includes('?') ? '&' : '?'
    for (const name of parameters) {
      for (const value of hostile) {
        const text = value.startsWith('%') ? value : encodeURIComponent(value)
        const { statusCode, body } = await read(`${path}${and}${name}=${text}`)
        if ([200, 400, 404].includes(statusCode)) continue
        surprises.push(`${path} ${name}=${value.slice(0, 30)}: ${statusCode} ${body.slice(0, 200)}`)
      }
      const twice = await read(`${path}${and}${name}=1&${name}=1`)
      t.equal(twice.statusCode, 400, `${path} ${name} twice`)
      t.equal(twice.json().violations[0].pointer, name)
    }
  }
  t.strictSame(surprises, [])
})

t.test('hostile values in paths find nothing', async (t) => {
  const surprises: string[] = []
  const hostile = ["'", '%00', '%ED%A0%80', '%2e%2e%2f', 'a'.repeat(300), '%F0%9F%98%80', '%25']
  for (const value of hostile) {
    for (const path of [
      `/v1/events/${value}`, `/v1/events/${value}/raw`, `/v1/entities/${value}/1/events`,
      `/v1/entities/order/${value}/events`, `/v1/entities/order/${value}/state`,
      `/v1/users/${value}/events`, `/v1/users/${value}/summary`, `/v1/streams/${value}/events`
    ]) {
      const { statusCode, body } = await read(path)
      if (![200, 400, 404].includes(statusCode)) surprises.push(`${path}: ${statusCode} ${body}`)
    }
  }
  t.strictSame(surprises, [])
})

t.test('a feed is by and about a user, a trail is what names an entity', async (t) => {
  const did = await append('acme', event({ actor: { type: 'user', id: 'u-feed' } }))
  const about = await append('acme', event({
    actor: { type: 'service', id: 'hr' }, entity: { type: 'user', id: 'u-feed', name: 'Fee' }
  }))
  const named = await append('acme', event({ related: [{ type: 'user', id: 'u-feed' }] }))
  const feed = await read('/v1/users/u-feed/events')
  t.strictSame(ids(feed), [named.id, about.id, did.id])
  t.strictSame(items(feed)[1]?.['entity'], { type: 'user', name: 'Fee', id: 'u-feed' })
  const trail = await read('/v1/entities/user/u-feed/events')
  t.strictSame(ids(trail), [named.id, about.id])
  t.equal((await read('/v1/users/nobody/events')).statusCode, 404)
})

t.test('a user reads their own feed, and nothing that is personal to others', async (t) => {
  const { id } = await append('acme', event({
    actor: { type: 'user', id: 'u-boss', name: 'Boss' },
    entity: { type: 'user', id: 'u-self', name: 'Me' },
    context: { ip: '10.1.1.1' }
  }))
  const answer = await call('acme.self', '/v1/me/events')
  t.equal(answer.statusCode, 200, answer.body)
  t.strictSame(ids(answer), [id])
  t.match(items(answer)[0], {
    actor: { type: 'user', sealed: true }, entity: { type: 'user', id: 'u-self', name: 'Me' }
  })
  t.notOk(/u-boss|Boss|10\.1\.1\.1/.test(answer.body))
  t.strictSame(ids(await call('globex.self', '/v1/me/events')), [], 'of the same id elsewhere')
})

t.test('a summary counts what a user did', async (t) => {
  const actor = { type: 'user', id: 'u-sum' }
  await append('acme', [
    event({ actor, occurredAt: '2026-03-01T10:00:00Z' }),
    event({ actor, occurredAt: '2026-03-01T11:00:00Z', outcome: 'denied' }),
    event({
      actor, occurredAt: '2026-03-02T10:00:00Z', action: 'report.opened', category: 'access'
    })
  ])
  const all = (await read('/v1/users/u-sum/summary')).json()
  t.match(all, {
    events: 3,
    firstAt: '2026-03-01T10:00:00.000Z',
    lastAt: '2026-03-02T10:00:00.000Z',
    byCategory: { change: 2, access: 1 },
    byAction: { 'order.updated': 2, 'report.opened': 1 },
    byOutcome: { success: 2, denied: 1 },
    byDay: { '2026-03-01': 2, '2026-03-02': 1 }
  })
  const day = (await read('/v1/users/u-sum/summary?from=2026-03-02&to=2026-03-02')).json()
  t.equal(day.events, 1)
  t.equal((await read('/v1/users/nobody/summary')).statusCode, 404)
  t.equal((await read('/v1/users/u-sum/summary?from=2026-02-30')).statusCode, 400)
})

t.test('tasks are listed as their latest events leave them', async (t) => {
  const task = (id: string, status: string): object => event({
    action: `task.${status}`,
    category: 'task',
    entity: { type: 'job', id, name: `Job ${id}` },
    data: { taskType: 'import', status }
  })
  for (const one of [task('1', 'started'), task('2', 'started'), task('1', 'done')]) {
    await append('acme', one)
  }
  const list = await read('/v1/tasks?type=import')
  t.match(items(list), [
    { entity: { type: 'job', id: '1' }, status: 'done', title: 'Job 1', events: 2, type: 'import' },
    { entity: { type: 'job', id: '2' }, status: 'started', events: 1 }
  ])
  t.equal(items(await read('/v1/tasks?status=started')).length, 1)
  t.equal(items(await read('/v1/tasks?entity=job:1')).length, 1)
  const first = await read('/v1/tasks?limit=1')
  const second = await read(`/v1/tasks?limit=1&cursor=${first.json().nextCursor}`)
  t.match(items(second), [{ entity: { id: '2' } }])
  t.equal(second.json().nextCursor, null)

  const historyOf = async (id: string): Promise<Item[]> => {
    const [found] = items(await read(`/v1/tasks?entity=${encodeURIComponent(id)}`))
    return items(await read(String(found?.['history'])))
  }
  t.match(await historyOf('job:1'), [{ action: 'task.done' }, { action: 'task.started' }])
  await append('acme', task('3/ä?', 'failed'))
  t.match(await historyOf('job:3/ä?'), [{ action: 'task.failed' }])
  const pupil = { type: 'student', id: 's-1' }
  await append('acme', event({ ...task('', 'started'), entity: pupil }))
  t.match(await historyOf('student:s-1'), [{ entity: pupil }], 'a person is named by the ref')
})

t.test('reads say what they reflect, and wait for what they are asked to', async (t) => {
  const one = await append('acme', event())
  const answer = await read('/v1/events?limit=1')
  t.ok(BigInt(String(answer.headers['ledger-position'])) >= BigInt(one.position))

  await service.stopWorker()
  const sent = await call('acme.producer', { method: 'POST', url: '/v1/events', payload: event() })
  const headers = { 'ledger-at-least': sent.json().position }
  const url = `/v1/events/${sent.json().id}`
  const late = await call('acme.auditor', { url, headers })
  t.equal(late.statusCode, 503, late.body)
  t.match(late.json(), { type: '/problems/lagging', asked: headers['ledger-at-least'] })
  t.ok(BigInt(late.json().reflected) < BigInt(headers['ledger-at-least']))
  t.equal(late.headers['retry-after'], '1')

  service.startWorker()
  const retried = await call('acme.auditor', { url, headers: { 'ledger-at-least': one.position } })
  t.ok([200, 404].includes(retried.statusCode), 'an earlier position is no reason to wait')
  const found = await until(
    async () => await call('acme.auditor', { url, headers }),
    ({ statusCode }) => statusCode !== 503)
  t.equal(found.statusCode, 200, found.body)
  t.equal(found.json().id, sent.json().id)

  const wrong = await call('acme.auditor', { url, headers: { 'ledger-at-least': 'soon' } })
  t.equal(wrong.statusCode, 400)
  t.equal(wrong.json().violations[0].pointer, 'ledger-at-least')
})

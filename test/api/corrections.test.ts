import t from 'tap'
import { EVENT_MAX_BYTES } from '../../schemas/primitives.ts'
import { event, testService, until, type Answer } from './service.ts'

const { call, append, keys } = await testService(t)
const read = async (url: string): Promise<Answer> => await call('acme.auditor', url)
const ANNA = { type: 'user', id: 'u-anna', name: 'Anna' }

async function correct (payload: object, key = 'acme.producer', headers = {}): Promise<Answer> {
  return await call(key, {
    method: 'POST',
    url: '/v1/corrections',
    headers: { prefer: 'wait=10', ...headers },
    payload: { kind: 'annotates', reason: 'because', actor: ANNA, ...payload }
  })
}

const wrong = await append('acme', event({
  entity: { type: 'customer', id: 'c-1', name: 'Carol' },
  related: [{ type: 'order', id: '9' }],
  before: { credit: 1 },
  after: { credit: 1_000 }
}))

t.test('a correction is an event, shown with the one that it corrects', async (t) => {
  const before = (await read(`/v1/events/${wrong.id}`)).json()
  t.notOk('correctedBy' in before)
  const fixed = await correct({
    corrects: wrong.id,
    kind: 'supersedes',
    reason: 'a typing error',
    before: { credit: 1_000 },
    after: { credit: 100 },
    data: { ticket: 7 }
  })
  t.equal(fixed.statusCode, 201, fixed.body)
  t.equal(fixed.json().stream, wrong.stream, 'it lives where the corrected one lives')
  const noted = await correct({ corrects: wrong.id, reason: 'asked by Carol' }, 'acme.compliance')
  t.equal(noted.statusCode, 201, noted.body)

  const { correctedBy, ...after } = (await read(`/v1/events/${wrong.id}`)).json()
  t.strictSame(after, before, 'nothing is edited')
  t.match(correctedBy, [
    { id: noted.json().id, kind: 'annotates', reason: 'asked by Carol', source: 'compliance' },
    {
      id: fixed.json().id,
      kind: 'supersedes',
      reason: 'a typing error',
      source: 'producer',
      actor: { type: 'user', id: 'u-anna', name: 'Anna' }
    }
  ])
  t.match((await read(`/v1/events/${fixed.json().id}`)).json(), {
    action: 'correction.superseded',
    category: 'change',
    entity: { type: 'customer', id: 'c-1' },
    related: [{ type: 'order', id: '9' }, { type: 'ledger_event', id: wrong.id }],
    causationId: wrong.id,
    data: { ticket: 7, correction: { corrects: wrong.id, kind: 'supersedes' } }
  })
  t.strictSame((await read('/v1/entities/customer/c-1/state')).json().state, { credit: 100 })
  const found = await read(`/v1/entities/ledger_event/${wrong.id}/events`)
  t.equal(found.json().items.length, 2)
})

t.test('a correction can be corrected, and repeated safely', async (t) => {
  const key = { 'idempotency-key': 'corr-1' }
  const first = await correct({ corrects: wrong.id, occurredAt: '2026-01-01T00:00:00Z' },
    'acme.producer', key)
  const again = await correct({ corrects: wrong.id, occurredAt: '2026-01-01T00:00:00Z' },
    'acme.producer', key)
  t.strictSame([first.statusCode, again.statusCode], [201, 200])
  t.equal(again.json().id, first.json().id)
  const second = await correct({ corrects: first.json().id, reason: 'not so' })
  t.equal(second.statusCode, 201, second.body)
  const shown = (await read(`/v1/events/${first.json().id}`)).json()
  t.match(shown.correctedBy, [{ id: second.json().id }])
  t.match((await read(`/v1/events/${second.json().id}`)).json().related, [
    { type: 'order' }, { type: 'ledger_event', id: first.json().id }
  ])
})

t.test('producers correct what they sent, and nobody what is not theirs', async (t) => {
  const made = await call('acme.admin', {
    method: 'POST', url: '/v1/api-keys', payload: { name: 'other', roles: ['producer'] }
  })
  const { id, secret } = made.json()
  Object.assign(keys, { 'acme.other': secret })
  t.equal((await correct({ corrects: wrong.id }, 'acme.other')).statusCode, 404)
  t.equal((await correct({ corrects: wrong.id }, 'globex.compliance')).statusCode, 404)
  t.equal((await correct({ corrects: wrong.id }, 'acme.auditor')).statusCode, 403)
  t.equal((await correct({ corrects: '00000000-0000-7000-8000-000000000000' })).statusCode, 404)
  const listed = await until(
    async () => await read('/v1/events?action=ledger.api_key_created&limit=1'),
    (answer) => answer.json().items[0].entity.id === id)
  const [own] = listed.json().items
  t.match(own.entity, { type: 'ledger_api_key', id })
  const refused = await correct({ corrects: own.id }, 'acme.compliance')
  t.match(refused.json(), { status: 400, violations: [{ pointer: '/corrects' }] })
})

t.test('what makes no sense is refused, naming where', async (t) => {
  const cases: Array<[object, number, string]> = [
    [{ corrects: wrong.id, after: {} }, 400, '/after'],
    [{ corrects: wrong.id, kind: 'edits' }, 400, '/kind'],
    [{ corrects: wrong.id, reason: '' }, 400, '/reason'],
    [{ corrects: 'x' }, 400, '/corrects'],
    [{ corrects: wrong.id, entity: { type: 'a', id: 'b' } }, 400, '/entity'],
    [{ corrects: wrong.id, kind: 'supersedes', data: { operation: 'edit' } }, 400,
      '/data/operation'],
    [{ corrects: wrong.id, tags: ['a', 'a'] }, 400, '/tags/1'],
    [{ corrects: wrong.id, data: { x: 'a'.repeat(EVENT_MAX_BYTES) } }, 413, '']
  ]
  for (const [payload, status, pointer] of cases) {
    const answer = await correct(payload)
    t.match(answer.json(), { status, violations: [{ pointer }] }, pointer)
  }
  const forged = await call('acme.producer', {
    method: 'POST',
    url: '/v1/events',
    payload: event({ related: [{ type: 'ledger_event', id: wrong.id }] })
  })
  t.match(forged.json(), { status: 400, violations: [{ pointer: '/related/0/type' }] })
})

t.test('what an event changed is told value by value, with errors and rules', async (t) => {
  const diffOf = async (said: object): Promise<object> => {
    const { id } = await append('acme', event({ entity: { type: 'doc', id: 'd-1' }, ...said }))
    return (await read(`/v1/events/${id}/diff`)).json()
  }
  t.match(await diffOf({
    before: { a: 1, nested: { x: [1, 2] }, gone: true },
    after: { a: 1, nested: { x: [1, 3] }, new: null },
    data: {
      operation: 'update',
      validationErrors: [{ field: 'x' }],
      businessRules: [{ rule: 'four-eyes', passed: true }]
    }
  }), {
    operation: 'update',
    entity: { type: 'doc', id: 'd-1' },
    changes: [
      { path: '/gone', before: true }, { path: '/nested/x/1', before: 2, after: 3 },
      { path: '/new', after: null }
    ],
    validationErrors: [{ field: 'x' }],
    businessRules: [{ rule: 'four-eyes', passed: true }],
    hidden: false
  })
  t.match(await diffOf({ after: { a: 1, b: 2 } }), {
    changes: [{ path: '/a', after: 1 }, { path: '/b', after: 2 }]
  })
  t.match(await diffOf({ before: { a: 1 }, after: null }), { changes: [{ path: '/a', before: 1 }] })
  const changes = [{ path: '/p/q', before: 1, after: 2 }]
  t.match(await diffOf({ changes }), { changes })
  t.match(await diffOf({ category: 'action', data: {} }), { changes: [], operation: null })
})

t.test('blame names the event and who did it for each value', async (t) => {
  const entity = { type: 'form', id: 'f-1' }
  const one = await append('acme', event({ entity, after: { a: 1, b: { c: 1 } } }))
  const two = await append('acme', event({
    entity, actor: ANNA, action: 'form.signed', before: { a: 1 }, after: { a: 2 }
  }))
  const blame = (await read('/v1/entities/form/f-1/blame')).json()
  t.match(blame, { exists: true, events: 2, hidden: 0, asOf: { id: two.id } })
  const byPath = new Map(blame.fields.map((field: { path: string }) => [field.path, field]))
  t.match(byPath.get('/a'), {
    value: 2, id: two.id, action: 'form.signed', actor: { id: 'u-anna' }, revision: '1'
  })
  t.match(byPath.get('/b/c'), { value: 1, id: one.id, actor: { id: 'u-81' }, revision: '0' })
  t.equal(byPath.size, 2)
  const earlier = (await read('/v1/entities/form/f-1/blame?at=0')).json()
  t.strictSame(earlier.fields.map(({ id }: { id: string }) => id), [one.id, one.id])
  t.match((await read('/v1/entities/form/nope/blame')).json(), { exists: false, fields: [] })
})

import t from 'tap'
import { event, testService, until, type Answer } from './service.ts'

const service = await testService(t)
const { call, append } = service
const read = async (url: string): Promise<Answer> => await call('acme.auditor', url)
const put = async (action: string, payload: object, key = 'acme.compliance'): Promise<Answer> =>
  await call(key, { method: 'PUT', url: `/v1/schemas/${action}`, payload })
const post = async (payload: object): Promise<Answer> =>
  await call('acme.producer', { method: 'POST', url: '/v1/events', payload })
const setting = async (schemas: string): Promise<void> => {
  await call('acme.admin', {
    method: 'PATCH', url: '/v1/tenants/acme', payload: { settings: { schemas } }
  })
}

const GRADED = {
  category: 'action',
  data: {
    type: 'object',
    required: ['assignmentTitle'],
    properties: { assignmentTitle: { type: 'string' }, score: { type: 'number' } }
  },
  personal: [{
    subject: { type: 'student', id: '/data/studentId' }, paths: ['/data/studentName']
  }],
  template: '{actor} graded {data.studentName}: {data.assignmentTitle}'
}
const graded = (data: object): object => event({
  action: 'essay.graded', category: 'action', entity: undefined, data
})

t.test('an action is registered in versions, each an event', async (t) => {
  const first = await put('essay.graded', GRADED)
  t.equal(first.statusCode, 201, first.body)
  t.match(first.json(), { action: 'essay.graded', version: 1, ...GRADED })
  t.strictSame((await read('/v1/schemas/essay.graded')).json(), first.json())
  t.equal((await put('essay.graded', GRADED)).json().version, 1, 'the same again is no version')
  const wider = { ...GRADED, data: { ...GRADED.data, required: [] } }
  t.match((await put('essay.graded', wider)).json(), { version: 2 })
  const refused = await put('essay.graded', GRADED)
  t.match(refused.json(), { status: 400, violations: [{ pointer: '/data/required' }] })
  t.match((await put('essay.graded', { ...GRADED, breaking: true })).json(), { version: 3 })
  const trail = (await read('/v1/entities/ledger_schema/essay.graded/events')).json().items
  t.match(trail, [
    { action: 'ledger.schema_registered', revision: '2', data: { breaking: true } },
    { data: { operation: 'update', breaking: false } }, { data: { operation: 'create' } }
  ])
  const state = await read('/v1/entities/ledger_schema/essay.graded/state?at=1')
  t.strictSame(state.json().state.data.required, [])
  const { items } = (await read('/v1/schemas')).json()
  t.match(items.find((item: { action: string }) => item.action === 'share_transfer'), {
    version: 0, registeredAt: null
  })
  t.equal((await call('globex.auditor', '/v1/schemas/essay.graded')).statusCode, 404)
  t.equal((await read('/v1/schemas/no.such')).statusCode, 404)
})

t.test('what cannot be registered is refused, naming where', async (t) => {
  const cases: Array<[string, object, string]> = [
    ['ledger.denied', { category: 'action' }, 'action'],
    ['Bad', { category: 'action' }, 'action'],
    ['a', {}, '/category'],
    ['a', { category: 'nope' }, '/category'],
    ['a', { category: 'action', data: { pattern: 'x' } }, '/data/pattern'],
    ['a', { category: 'action', template: '{nope}' }, '/template'],
    ['a', { category: 'action', personal: [{ subject: { type: 's', id: 'x' }, paths: ['/data'] }] },
      '/personal/0/subject/id'],
    ['a', { category: 'action', more: 1 }, '/more']
  ]
  for (const [action, payload, pointer] of cases) {
    const answer = await put(action, payload)
    t.match(answer.json(), { status: 400, violations: [{ pointer }] }, pointer)
  }
  t.equal((await put('a', { category: 'action' }, 'acme.admin')).statusCode, 403)
})

t.test('what is personal is sealed before the tenant has set anything', async (t) => {
  const data = { assignmentTitle: 'Kant', studentId: 's-0', studentName: 'Sibyl' }
  const { id } = await append('acme', graded(data))
  t.notOk((await read(`/v1/events/${id}/raw`)).body.includes('Sibyl'))
  t.match((await read(`/v1/events/${id}`)).json(), { data })
  await setting('off')
  const other = { ...event({ action: 'essay.graded', category: 'access' }), data }
  const wrong = await append('acme', other)
  t.notOk((await read(`/v1/events/${wrong.id}/raw`)).body.includes('Sibyl'), 'if nothing fits')
  const unowned = await post(graded({ studentName: 'Nobody\'s' }))
  t.equal(unowned.statusCode, 201, 'nothing is refused')
})

t.test('the door takes what does not fit until the tenant says otherwise', async (t) => {
  t.equal((await post(graded({}))).statusCode, 201)
  await setting('registered')
  const refused = await post(graded({ score: 'good' }))
  t.match(refused.json(), {
    status: 400, violations: [{ pointer: '/data/assignmentTitle' }, { pointer: '/data/score' }]
  })
  t.equal((await post(event({ action: 'unheard.of' }))).statusCode, 201)
  const mixed = await post([graded({}), graded({ assignmentTitle: 'Kant' })])
  t.match(mixed.json().items, [{ status: 400 }, { status: 201 }])
  await setting('required')
  t.match((await post(event({ action: 'unheard.of' }))).json(), {
    status: 400, violations: [{ pointer: '/action' }]
  })
  t.equal((await post(event({ action: 'share_transfer' }))).statusCode, 201, 'it is known')
  await setting('registered')
})

t.test('what the action says is personal is sealed, and the line says it to readers', async (t) => {
  const data = { assignmentTitle: 'Kant', studentId: 's-1', studentName: 'Sue' }
  const { id } = await append('acme', graded(data))
  const raw = await read(`/v1/events/${id}/raw`)
  t.notOk(raw.body.includes('Sue'))
  const list = await read('/v1/events?action=essay.graded&limit=1&render=true')
  t.match(list.json().items, [{ id, data, rendered: 'Alice graded Sue: Kant' }])
  t.notOk('rendered' in (await read('/v1/events?limit=1')).json().items[0])
  await append('acme', event({ action: 'share_transfer', entity: { type: 'sh', id: '7' } }))
  const feed = await read('/v1/users/u-81/events?limit=1&render=true')
  t.match(feed.json().items, [{ rendered: 'Alice transferred shares of 7' }])
  await append('acme', event({ action: 'unheard.of' }))
  const trail = await read('/v1/entities/order/456/events?limit=1&render=true')
  t.match(trail.json().items, [{ rendered: 'Alice: unheard.of 456' }])
  const next = await read(list.headers['link']?.toString().slice(1).split('>')[0] ?? '')
  t.ok(next.json().items[0].rendered)
})

t.test('a correction is sealed as what it corrects, however often corrected', async (t) => {
  const correct = async (corrects: string, said: object): Promise<Answer> =>
    await call('acme.producer', {
      method: 'POST',
      url: '/v1/corrections',
      headers: { prefer: 'wait=10' },
      payload: {
        corrects, kind: 'supersedes', reason: 'a typo', actor: { type: 'service', id: 'c' }, ...said
      }
    })
  const data = { assignmentTitle: 'Kant', studentId: 's-2', studentName: 'Susi' }
  let { id } = await append('acme', graded(data))
  for (const said of [{ studentName: 'Susan' }, { studentName: 'Suzanna', studentId: 's-2' },
    { studentName: 'Susanne' }]) {
    const corrected = await correct(id, { data: said })
    t.equal(corrected.statusCode, 201, corrected.body)
    id = corrected.json().id
    t.notOk((await read(`/v1/events/${id}/raw`)).body.includes(said.studentName))
    t.match((await read(`/v1/events/${id}`)).json().data, said)
  }
  const { id: nameless } = await append('acme', graded({ assignmentTitle: 'Kant' }))
  t.match((await correct(nameless, { data: { studentName: 'Sue' } })).json(), {
    status: 400, violations: [{ pointer: '/data/studentId' }]
  })
})

t.test('what is whose is not changed in passing', async (t) => {
  const before = { ...GRADED, data: {} }
  t.equal((await put('essay.read', before)).statusCode, 201)
  const others = [...GRADED.personal, { ...GRADED.personal[0], paths: ['/data/x'] }]
  for (const personal of [[], others]) {
    const refused = await put('essay.read', { ...before, personal })
    t.match(refused.json(), { status: 400, violations: [{ pointer: /^\/personal/ }] })
    t.equal((await put('essay.read', { ...before, personal, breaking: true })).statusCode, 200)
    await put('essay.read', { ...before, breaking: true })
  }
})

t.test('of two versions registered at once one is first, and the other hears of it', async (t) => {
  const wide = { category: 'action', data: { type: 'object' } }
  await put('essay.lent', wide)
  const both = ['score', 'shelf'].map((name) => ({
    ...wide, data: { ...wide.data, properties: { [name]: { type: 'string' } } }
  }))
  const answers = await Promise.all(both.map(async (schema) => await put('essay.lent', schema)))
  t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [200, 409])
  const refused = answers.find(({ statusCode }) => statusCode === 409)
  t.match(refused?.json(), { type: '/problems/stream-conflict' })
  t.match((await read('/v1/schemas/essay.lent')).json(), { version: 2 })
  const same = await Promise.all([1, 2].map(async () => await put('essay.kept', wide)))
  t.strictSame(same.map((answer) => answer.json().version), [1, 1])
})

t.test('a schema made stricter under traffic takes or refuses each event whole', async (t) => {
  const stop = new AbortController()
  const answers = new Map<number, number>()
  const traffic = (async () => {
    while (!stop.signal.aborted) {
      const { statusCode } = await post(graded({ assignmentTitle: 'Kant' }))
      answers.set(statusCode, (answers.get(statusCode) ?? 0) + 1)
    }
  })()
  const stricter = { ...GRADED, data: { ...GRADED.data, required: ['score'] }, breaking: true }
  t.equal((await put('essay.graded', stricter)).statusCode, 200)
  await until(async () => answers.get(400) ?? 0, (count) => count > 0)
  stop.abort()
  await traffic
  t.strictSame([...answers.keys()].sort(), [201, 400])
})

t.test('a version that reads do not show yet is not compared with an older one', async (t) => {
  await service.stopWorker()
  const stuck = await put('essay.burnt', { category: 'action' })
  t.match(stuck.json(), { type: '/problems/lagging' })
  service.startWorker()
  const again = await until(async () => await put('essay.burnt', { category: 'action' }),
    ({ statusCode }) => statusCode === 201)
  t.match(again.json(), { version: 1 })
})

import t from 'tap'
import { uuidOfText } from '../../../src/ledger/ids.ts'
import { event, testService, until, type Answer } from '../service.ts'

const { call, append } = await testService(t)
const read = async (url: string): Promise<Answer> => await call('acme.auditor', url)

const ALICE = { type: 'user', id: '1', name: 'Alice', email: 'alice@example.com' }
const WHEN = '2025-01-15T10:30:00Z'
const updated = (said: object = {}): object => event({
  action: 'record.updated',
  actor: ALICE,
  entity: { type: 'orders', id: '456' },
  occurredAt: WHEN,
  ...said
})

t.test('Sovrium: the documented list, field for field', async (t) => {
  const before = Array.from({ length: 149 }, () => updated({ entity: { type: 'orders', id: '9' } }))
  await append('acme', before)
  await append('acme', updated({ entity: { type: 'orders', id: 'A-1' }, action: 'order.viewed' }))
  await append('acme', updated({ entity: { type: 'invoices', id: '456' } }))
  const { id } = await append('acme', updated())
  const url = '/api/activity?page=1&pageSize=20&table=orders&action=update'
  const { activities, pagination } = (await read(url)).json()
  t.strictSame({ activities: activities.slice(0, 1), pagination }, {
    activities: [{
      id: `act_${id}`,
      action: 'update',
      tableName: 'orders',
      recordId: 456,
      createdAt: WHEN,
      user: { id: '1', name: 'Alice', email: 'alice@example.com' }
    }],
    pagination: { total: 150, page: 1, pageSize: 20, totalPages: 8 }
  })
  t.equal(activities.length, 20)

  const last = (await read(url.replace('page=1', 'page=8'))).json()
  t.equal(last.activities.length, 10)
  t.strictSame(last.pagination, { total: 150, page: 8, pageSize: 20, totalPages: 8 })
  const beyond = (await read(url.replace('page=1', 'page=9'))).json()
  t.strictSame(beyond, {
    activities: [], pagination: { total: 150, page: 9, pageSize: 20, totalPages: 8 }
  })
  const ids = new Set<string>()
  for (let page = 1; page <= 8; page++) {
    const { activities } = (await read(url.replace('page=1', `page=${page}`))).json()
    for (const { id } of activities) ids.add(id)
  }
  t.equal(ids.size, 150, 'pages neither repeat nor skip')
})

t.test('Sovrium: pages have a default, a cap and an end', async (t) => {
  t.match((await read('/api/activity')).json().pagination, { page: 1, pageSize: 20 })
  t.equal((await read('/api/activity?pageSize=200')).json().pagination.pageSize, 200)
  t.equal((await read('/api/activity?pageSize=201')).json().pagination.pageSize, 200)
  const near = await read('/api/activity?page=51&pageSize=200')
  t.equal(near.statusCode, 200, 'skips 10,000')
  const far = await read('/api/activity?page=52&pageSize=200')
  t.equal(far.statusCode, 400)
  t.match(far.json().violations, [{ pointer: 'page', detail: /cursors of GET \/v1\/events/ }])
  for (const wrong of ['page=0', 'pageSize=0', 'page=-1', 'page=1.5', 'pageSize=x']) {
    t.equal((await read(`/api/activity?${wrong}`)).statusCode, 400, wrong)
  }
})

t.test('Sovrium: one entry in full, by either id; 401 and 403 as documented', async (t) => {
  const { id } = await append('acme', updated({
    entity: { type: 'orders', id: 'A-7' },
    before: { status: 'open' },
    after: { status: 'paid' },
    data: { operation: 'update' },
    context: { ip: '192.0.2.1', userAgent: 'curl' }
  }))
  const answer = await read(`/api/activity/act_${id}`)
  t.match(answer.json(), {
    id: `act_${id}`,
    action: 'update',
    tableName: 'orders',
    recordId: 'A-7',
    userId: '1',
    workspaceId: 'acme',
    before: { status: 'open' },
    after: { status: 'paid' },
    metadata: { operation: 'update' },
    ipAddress: '192.0.2.1',
    userAgent: 'curl',
    href: `/v1/events/${id}`
  })
  t.strictSame((await read(`/api/activity/${id}`)).json(), answer.json())
  t.equal((await call('globex.auditor', `/api/activity/${id}`)).statusCode, 404)
  t.equal((await read('/api/activity/act_123')).statusCode, 400)
  for (const url of ['/api/activity', `/api/activity/${id}`]) {
    t.equal((await call(undefined, url)).statusCode, 401)
    t.equal((await call('acme.self', url)).statusCode, 403)
  }
})

t.test('Sovrium: programs are named, and nobody is null', async (t) => {
  const url = '/api/activity?action=program.acted&pageSize=1'
  const acted = { action: 'program.acted', entity: undefined }
  await append('acme', event({ ...acted, actor: { type: 'agent', id: 'clawd' } }))
  const [agent] = (await read(url)).json().activities
  const user = { id: 'clawd', name: null, email: null }
  t.match(agent, { tableName: null, recordId: null, user })
  await append('acme', event({ ...acted, actor: { type: 'anonymous' } }))
  t.equal((await read(url)).json().activities[0].user, null)
})

t.test('Sovrium: a table is called what it is called, whatever Mosaic calls types', async (t) => {
  const { id } = await append('acme', updated({ entity: { type: 'TASK', id: '1' } }))
  await append('acme', updated({ entity: { type: 'task', id: '1' } }))
  for (const query of ['table=TASK', 'table=TASK&entityType=TASK', 'table=TASK&entityId=1']) {
    const { activities } = (await read(`/api/activity?${query}`)).json()
    t.match(activities, [{ id: `act_${id}`, tableName: 'TASK' }], query)
    t.equal(activities.length, 1, query)
  }
})

t.test('the ledger\'s own events are in the systems\' lists when asked for alone', async (t) => {
  const own = 'ledger.read'
  const recorded = async (): Promise<number> =>
    (await read(`/api/activity?action=${own}`)).json().pagination.total
  t.ok(await until(recorded, (total) => total > 0) > 0)
  const named = ({ action, activity_type: kind, type }: Record<string, string>): string =>
    action ?? kind ?? type ?? ''
  for (const [url, items, more] of [
    ['/api/activity?pageSize=200', 'activities', 'action'],
    ['/activities/data-access/?limit=200', 'items', 'activity_type'],
    ['/activities/?limit=200', 'items', 'activity_type'],
    ['/organizations/acme/event-logs?limit=200', 'items', 'type']
  ] as const) {
    const all: string[] = (await read(url)).json()[items].map(named)
    t.strictSame(all.filter((action) => action.startsWith('ledger.')), [], url)
    t.not((await read(`${url}&${more}=${own}`)).json()[items].length, 0, url)
  }
  t.match((await read(`/v1/events?action=${own}`)).json().items, [{ action: own }])
})

t.test('Mosaic: filters and the audit trail of an entity', async (t) => {
  const task = { type: 'task', id: 't-1' }
  const actor = { type: 'user', id: 'u-mosaic' }
  const at = (occurredAt: string): object => ({ actor, occurredAt, entity: task })
  const made = await append('acme', event({
    ...at('2026-01-28T10:00:00Z'), action: 'task.created'
  }))
  const done = await append('acme', event({
    ...at('2026-01-29T10:00:00Z'), action: 'task.completed', category: 'task'
  }))
  const login = await append('acme', event({
    action: 'auth.login', category: 'auth', actor, entity: undefined, context: { ip: '10.0.0.9' }
  }))
  const ids = async (query: string): Promise<string[]> => {
    const answer = await read(`/api/activity?${query}`)
    return answer.json().activities.map(({ id }: { id: string }) => id.slice('act_'.length))
  }
  t.strictSame(await ids('userId=u-mosaic'), [login.id, done.id, made.id])
  t.strictSame(await ids('userId=u-mosaic&action=task.*'), [done.id, made.id])
  t.strictSame(await ids('entityType=TASK&entityId=t-1'), [done.id, made.id])
  t.strictSame(await ids('action=LOGIN'), [login.id])
  t.strictSame(await ids('action=auth.*'), [login.id])
  t.strictSame(await ids(
    'userId=u-mosaic&startDate=2026-01-29T00:00:00Z&endDate=2026-01-30T00:00:00Z'), [done.id])
  t.strictSame(await ids('userId=nobody'), [])
  for (const [query, pointer] of [
    ['entityId=t-1', 'entityId'], ['table=a&entityType=b', 'entityType'],
    ['startDate=2026-01-29T00:00:00Z&endDate=2026-01-28T00:00:00Z', 'endDate']
  ] as const) {
    const answer = await read(`/api/activity?${query}`)
    t.match(answer.json().violations, [{ pointer }], query)
  }

  for (const type of ['TASK', 'task']) {
    const trail = (await read(`/api/activity/audit/${type}/t-1?pageSize=1`)).json()
    t.match(trail, {
      activities: [{ userId: 'u-mosaic', entityType: 'task', entityId: 't-1' }],
      pagination: { total: 2, page: 1, pageSize: 1, totalPages: 2 }
    })
  }
})

t.test('Coequal: the documented log, field for field', async (t) => {
  const teacher = { type: 'user', id: 'u-self' }
  await append('acme', Array.from({ length: 383 }, () => event({
    action: 'settings_updated', category: 'action', actor: teacher
  })))
  const payload = {
    userAssignmentId: 'ua-1', assignmentTitle: 'Macroeconomics Midterm', submissionCount: 124
  }
  const { id } = await append('acme', event({
    action: 'user_assignment_evaluated',
    category: 'action',
    actor: { type: 'service', id: 'grading-worker' },
    entity: { type: 'user_assignment', id: 'ua-1' },
    related: [teacher],
    occurredAt: '2025-05-03T12:00:00Z',
    data: payload
  }))
  await append('acme', event({ actor: { type: 'user', id: 'u-admin' }, entity: teacher }))
  const own = async (query: string): Promise<Answer> =>
    await call('acme.self', `/api/activity-logs${query}`)
  const { items, ...totals } = (await own('?limit=50&offset=0')).json()
  t.strictSame({ items: items.slice(0, 1), ...totals }, {
    items: [{
      id, action: 'user_assignment_evaluated', createdAt: 1_746_273_600, payload
    }],
    total: 384,
    limit: 50,
    offset: 0
  }, 'what other users did to the teacher is not in it')
  t.equal((await own('')).json().items.length, 50)
  t.equal((await own('?limit=10')).json().items.length, 10)
  t.match((await own('?limit=1000')).json(), { limit: 200, items: { length: 200 } })
  t.match((await own('?offset=380')).json(), { items: { length: 4 }, offset: 380 })
  t.match((await own('?offset=384')).json(), { items: [], total: 384 })
  t.equal((await own('?offset=10000')).statusCode, 200)
  t.match((await own('?offset=10001')).json().violations, [{ pointer: 'offset' }])
  t.equal((await call('acme.auditor', '/api/activity-logs')).statusCode, 403)
  t.equal((await call('globex.self', '/api/activity-logs')).json().total, 0)
})

t.test('Coequal: names of students are read by the teacher who gave them', async (t) => {
  const teacher = { type: 'user', id: 'u-self' }
  const pupil = (id: string, name: string): object => ({ type: 'student', id, name })
  const entry = (action: string, said: object): object => event({
    action,
    category: 'action',
    actor: teacher,
    entity: { type: 'user_assignment', id: 'ua-2' },
    occurredAt: '2025-05-03T12:00:00Z',
    ...said
  })
  const titled = { userAssignmentId: 'ua-2', assignmentTitle: 'Essay on Kant' }
  const added = await append('acme', entry('assignment_input_created', {
    related: [pupil('s-1', 'Ann Lee'), pupil('s-2', 'Bob Ray')],
    data: { ...titled, submissionCount: 2 }
  }))
  const joined = { ...titled, submissionCount: 2, studentName: 'Cy Poe, Dee Fox' }
  const told = await append('acme', entry('assignment_input_created', { data: joined }))
  const removed = { ...titled, studentName: 'Ann Lee' }
  const taken = await append('acme', entry('assignment_input_deleted', {
    data: removed,
    personal: [{ subject: { type: 'student', id: 's-1' }, paths: ['/data/studentName'] }]
  }))
  const createdAt = 1_746_273_600
  const { items } = (await call('acme.self', '/api/activity-logs?limit=3')).json()
  t.strictSame(items, [
    { id: taken.id, action: 'assignment_input_deleted', createdAt, payload: removed },
    { id: told.id, action: 'assignment_input_created', createdAt, payload: joined },
    {
      id: added.id,
      action: 'assignment_input_created',
      createdAt,
      payload: { ...titled, submissionCount: 2, studentName: 'Ann Lee, Bob Ray' }
    }
  ])
  const { body } = await read(`/v1/events/${taken.id}/raw`)
  t.notMatch(body, 'Ann Lee', 'in the log it is sealed')
})

t.test('Equa: actions, event logs and tasks of the key\'s organisation', async (t) => {
  const actor = { type: 'user', id: 'holder-1' }
  const data = { operation: 'update', shares: 5 }
  await append('acme', event({
    action: 'option_exercise.progressed',
    category: 'task',
    actor,
    entity: { type: 'option_grant', id: 'og-1' },
    data: { taskType: 'OptionExercise', status: 'requested' }
  }))
  const { id } = await append('acme', event({ action: 'share_transfer', actor, data }))
  await append('acme', event({
    actor: { type: 'service', id: 'sync' }, action: 'share_transfer.synced'
  }))
  const list = async (path: string): Promise<Answer> => await read(`/organizations/acme/${path}`)
  const actions = (await list('actions?type=share_transfer')).json()
  t.match(actions.items, [{
    organization: 'acme',
    type: uuidOfText('share_transfer'),
    name: 'share_transfer',
    user: 'holder-1'
  }])
  t.match((await list('actions?limit=1')).json().items, [{ name: 'share_transfer' }])
  const synced = (await list('event-logs?type=share_transfer.*')).json().items
  t.match(synced, [{ type: 'share_transfer.synced', user: null, organization: 'acme' }])
  const transfer = (await list('event-logs?type=share_transfer')).json().items
  t.match(transfer, [
    { id, type: 'share_transfer', user: 'holder-1', organization: 'acme', data }
  ])
  t.match((await list('tasks?type=OptionExercise')).json().items, [
    { entity: 'og-1', type: 'OptionExercise', status: 'requested' }
  ])
  const page = await list('actions?limit=1')
  const next = await list(`actions?limit=1&cursor=${page.json().nextCursor}`)
  t.match(next.json().items, [{ name: 'option_exercise.progressed' }])
  for (const path of ['actions', 'event-logs', 'tasks']) {
    t.equal((await read(`/organizations/globex/${path}`)).statusCode, 404)
  }
})

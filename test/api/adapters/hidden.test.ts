import t from 'tap'
import { erasingService, person } from '../erasing.ts'
import { event, until, type Answer } from '../service.ts'

const service = await erasingService(t)
const { append, call, send, get, erase } = service
await call('acme.admin', {
  method: 'PATCH', url: '/v1/tenants/acme', payload: { settings: { sealData: true } }
})

const WORKER = { type: 'service', id: 'worker' }
const SELF = { type: 'user', id: 'u-self' }
const GONE = { type: 'user', id: 'u-gone' }
const ERASED = { erased: true }

/** One event of each kind by somebody who is erased, with everything that can be hidden. */
const KINDS = {
  'api-transactions': { category: 'api', data: { method: 'GET', endpoint: '/canary' } },
  'data-access': { category: 'access', data: { operation: 'read', fields: ['canary'] } },
  'data-changes': { category: 'change', before: { is: 'canary' }, after: { is: 'other' } },
  'auth-events': { category: 'auth', data: { method: 'canary' } },
  'external-api': { category: 'external', data: { service: 'canary' } },
  'system-events': { category: 'system', data: { component: 'canary' } }
}

t.test('an erased person is nobody in every shape of every system', async (t) => {
  const ids: Record<string, string> = {}
  for (const [kind, said] of Object.entries(KINDS)) {
    ids[kind] = (await append('acme', person('u-gone', { description: 'canary', ...said }))).id
  }
  const changes = [{ path: '/limit', before: 'canary', after: 2 }]
  const listed = await append('acme', person('u-gone', { changes }))
  await append('acme', person('u-gone', {
    action: 'canary.stepped', category: 'task', data: { taskType: 'canary', status: 'open' }
  }))
  const about = await append('acme', event({
    actor: WORKER,
    entity: SELF,
    data: { note: 'canary' },
    personal: [{ subject: GONE, paths: ['/data'] }]
  }))
  await erase('u-gone')

  const all: Answer[] = []
  const read = async (url: string, key?: string): Promise<any> => { // eslint-disable-line
    const answer = await get(url, key)
    t.equal(answer.statusCode, 200, `${url}: ${answer.body}`)
    all.push(answer)
    return answer.json()
  }
  for (const { id, user } of (await read('/api/activity?entityType=order')).activities) {
    t.equal(user, null)
    t.match(await read(`/api/activity/${id}`), {
      user: null, userId: null, ipAddress: ERASED
    })
  }
  const trail = await read('/api/activity/audit/order/456')
  t.strictSame(trail.activities.map(({ userId }: { userId: null }) => userId),
    Array(8).fill(null))
  for (const { user } of (await read('/organizations/acme/actions')).items) t.equal(user, null)
  const logs = (await read('/organizations/acme/event-logs?limit=9')).items
  t.match(logs.slice(1), Array(8).fill({ user: null }))
  t.equal((await read('/organizations/acme/tasks')).items.length, 1)
  for (const [kind, id] of Object.entries(ids)) {
    const shown = { user_id: null, description: ERASED }
    t.match((await read(`/activities/${kind}/`)).items.at(-1), shown, kind)
    t.match(await read(`/activities/${id}`), shown, kind)
  }
  t.match(await read(`/activities/${ids['data-changes']}`), {
    old_values: ERASED, new_values: ERASED, changed_fields: null
  })
  t.match(await read(`/activities/${listed.id}`), {
    old_values: ERASED, new_values: ERASED, changed_fields: null
  })
  t.match(await read('/activities/admin/summary/u-gone'), { total_activities: 0 })
  t.match(await read('/activities/admin/users/u-gone/activities'), { items: [], total: 0 })
  const [entry] = (await read('/api/activity-logs', 'acme.self')).items
  t.match(entry, { id: about.id, payload: ERASED })
  for (const { body } of all) t.notMatch(body, /canary(?!\.stepped)/)
})

t.test('an erased student is missed in an entry, and no other', async (t) => {
  await append('acme', event({
    action: 'assignment_input_created',
    actor: SELF,
    related: ['u-pupil', 'u-other'].map((id) => ({ type: 'student', id, name: `Name ${id}` }))
  }))
  const asked = await send('acme.compliance', '/v1/erasures', {
    subject: { type: 'student', id: 'u-pupil' }, legalBasis: 'b', reason: 'r', recipients: []
  })
  await service.become(asked.json().id, 'executed')
  const [entry] = (await get('/api/activity-logs', 'acme.self')).json().items
  t.equal(entry.payload.studentName, '(erased), Name u-other')
})

t.test('who did something sees all of it; in what others did, only what is theirs', async (t) => {
  const pupil = { subject: { type: 'student', id: 's-9' }, paths: ['/data/note'] }
  const said = { data: { note: 'confided' }, personal: [pupil] }
  const served = await append('acme', event({ ...said, actor: WORKER, entity: SELF }))
  const own = await append('acme', event({ ...said, actor: SELF, entity: undefined }))
  const auditors = (await get(`/v1/events/${served.id}`)).json()
  t.match(auditors, { data: { note: 'confided' } })
  for (const turn of ['first', 'again']) {
    const { items } = (await get('/v1/me/events?limit=2', 'acme.self')).json()
    t.match(items, [
      { id: own.id, data: { note: 'confided' } },
      { id: served.id, data: { note: { sealed: true } } }
    ], turn)
  }
  const report = await get('/v1/subjects/user/u-self/report', 'acme.compliance')
  t.match(report.body, own.id)
  t.notMatch(report.body, 'confided', 'what a person is told of others is another matter')
})

t.test('the key of an erased user is answered the same everywhere', async (t) => {
  await append('acme', person('u-own'))
  const made = await send('acme.admin', '/v1/api-keys', {
    name: 'own', roles: ['self'], subject: { type: 'user', id: 'u-own' }
  })
  const headers = { authorization: `Bearer ${made.json().secret}` }
  const [{ id }] = (await service.app.inject({ url: '/activities/', headers })).json().items
  await erase('u-own')
  for (const url of ['/v1/me/events', '/api/activity-logs', '/activities/', `/activities/${id}`,
    '/activities/summary/user', '/activities/auth-events/', '/activities/data-access']) {
    const answer = await until(async () => await service.app.inject({ url, headers }),
      ({ statusCode }) => statusCode === 410)
    t.match(answer.json(), { status: 410, type: '/problems/erased' }, url)
  }
})

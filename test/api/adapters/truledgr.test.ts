import fc from 'fast-check'
import type { TObject } from '@sinclair/typebox'
import t from 'tap'
import { ulidOf, uuidOf } from '../../../src/api/adapters/ulid.ts'
import { event, testService, type Answer } from '../service.ts'

const { call, append, declared } = await testService(t)
const read = async (url: string): Promise<Answer> => await call('acme.auditor', url)
const OWN = { type: 'user', id: 'u-self' }
const OTHER = { type: 'user', id: 'user_123' }
const WHEN = '2025-06-01T12:00:00Z'

const base = {
  actor: OTHER, occurredAt: WHEN, entity: undefined, outcome: 'success', action: 'x.happened'
}
const sent = {
  'api-transactions': event({
    ...base,
    category: 'api',
    data: { method: 'POST', endpoint: '/api/users', statusCode: 201, durationMs: 12.5 }
  }),
  'data-access': event({
    ...base,
    category: 'access',
    entity: { type: 'table', id: 'users' },
    data: { operation: 'read', fields: ['id', 'email', 'name'], permission: 'own' }
  }),
  'data-changes': event({
    ...base,
    category: 'change',
    entity: { type: 'users', id: 'user_456' },
    before: { name: 'John' },
    after: { name: 'John Doe' },
    data: { operation: 'update', validationErrors: [], businessRules: [{ rule: 'kyc' }] }
  }),
  'auth-events': event({
    ...base,
    category: 'auth',
    outcome: 'failure',
    context: { ip: '192.0.2.3', userAgent: 'curl', sessionId: 's-1' },
    data: { method: 'password', mfa: true, reason: 'wrong password' }
  }),
  'external-api': event({
    ...base,
    category: 'external',
    data: {
      service: 'bank', endpoint: '/a', method: 'GET', statusCode: 429, rateLimit: { left: 0 }
    }
  }),
  'system-events': event({
    ...base,
    category: 'system',
    data: {
      severity: 'error', component: 'db', errorCode: 'E1', stackTrace: 'at x', affected: ['a']
    }
  })
}
const told: Record<keyof typeof sent, object> = {
  'api-transactions': {
    method: 'POST',
    endpoint: '/api/users',
    status_code: 201,
    request_data: null,
    response_data: null,
    headers: null,
    execution_time_ms: 12.5,
    error_details: null,
    performance_metrics: null
  },
  'data-access': {
    table_name: 'users',
    operation: 'read',
    query_parameters: null,
    fields_accessed: ['id', 'email', 'name'],
    permission_level: 'own',
    applied_filters: null
  },
  'data-changes': {
    table_name: 'users',
    operation: 'update',
    record_id: 'user_456',
    old_values: { name: 'John' },
    new_values: { name: 'John Doe' },
    changed_fields: ['name'],
    validation_errors: [],
    business_rules: [{ rule: 'kyc' }]
  },
  'auth-events': {
    event_type: 'x.happened',
    success: false,
    failure_reason: 'wrong password',
    ip_address: '192.0.2.3',
    user_agent: 'curl',
    session_id: 's-1',
    two_factor: true,
    login_method: 'password'
  },
  'external-api': {
    service_name: 'bank',
    endpoint: '/a',
    method: 'GET',
    response_code: 429,
    execution_time_ms: null,
    error_details: null,
    rate_limit_info: { left: 0 }
  },
  'system-events': {
    event_type: 'x.happened',
    severity: 'error',
    component: 'db',
    error_code: 'E1',
    stack_trace: 'at x',
    affected_entities: ['a']
  }
}

t.test('each of the six kinds is listed with what it tells, and read alone', async (t) => {
  for (const [kind, one] of Object.entries(sent)) {
    const { id } = await append('acme', one)
    const { items, ...totals } = (await read(
      `/activities/${kind}/?activity_type=x.happened`)).json()
    t.strictSame(totals, { total: 1, limit: 50, offset: 0 }, kind)
    const { entity = null, data } = one as { entity?: { type: string, id: string }, data: object }
    const whole = {
      id: ulidOf(id),
      activity_type: 'x.happened',
      user_id: 'user_123',
      description: null,
      entity_type: entity?.type ?? null,
      entity_id: entity?.id ?? null,
      status: one['outcome'],
      details: data,
      context: one['context'] ?? null,
      tags: [],
      created_at: WHEN,
      updated_at: WHEN,
      ...told[kind as keyof typeof sent]
    }
    t.strictSame(items, [whole], kind)
    t.strictSame((await read(`/activities/${ulidOf(id)}`)).json(), whole, kind)
    t.strictSame((await read(`/activities/${id}`)).json(), whole, kind)
  }
})

t.test('changes that were sent one by one tell old and new values too', async (t) => {
  await append('acme', event({
    changes: [{ path: '/limit', before: 1, after: 2 }, { path: '/note', after: 'n' }]
  }))
  const [item] = (await read('/activities/data-changes/?limit=1')).json().items
  t.match(item, {
    old_values: { limit: 1 },
    new_values: { limit: 2, note: 'n' },
    changed_fields: ['limit', 'note']
  })
})

t.test('what is made or removed as a whole tells its members', async (t) => {
  const items = async (): Promise<object[]> =>
    (await read('/activities/data-changes/?limit=2')).json().items
  const row = { name: 'John', limit: 5 }
  await append('acme', event({ after: row }))
  await append('acme', event({ before: row }))
  t.match(await items(), [
    { old_values: row, new_values: null, changed_fields: ['limit', 'name'] },
    { old_values: null, new_values: row, changed_fields: ['limit', 'name'] }
  ])
})

t.test('users see their own, auditors everybody\'s', async (t) => {
  const own = await append('acme', event({
    actor: OWN, action: 'user_login', category: 'auth', description: 'logged in', tags: ['web']
  }))
  const foreign = await append('acme', event({ actor: OTHER, entity: OWN }))
  const mine = async (path: string): Promise<Answer> =>
    await call('acme.self', `/activities/${path}`)
  t.match((await mine('')).json(), {
    items: [{
      activity_type: 'user_login', user_id: 'u-self', description: 'logged in', tags: ['web']
    }],
    total: 1
  })
  t.equal((await mine('auth-events/')).json().total, 1)
  t.equal((await mine('data-changes/')).json().total, 0)
  t.equal((await mine(own.id)).statusCode, 200)
  t.equal((await mine(ulidOf(own.id).toLowerCase())).statusCode, 200, 'of any case')
  t.equal((await mine(foreign.id)).statusCode, 404)
  t.equal((await mine('?user_id=user_123')).statusCode, 403)
  t.equal((await mine('system-events/')).statusCode, 403)
  t.equal((await mine('admin/users/u-self/activities')).statusCode, 403)
  t.equal((await mine('admin/summary/u-self')).statusCode, 403)
  t.equal((await call(undefined, '/activities/')).statusCode, 401)
  await append('acme', event({ actor: { type: 'service', id: 'worker' }, related: [OWN] }))
  t.equal((await mine('')).json().total, 1, 'what a program did is the program\'s')
  t.match((await mine('summary/user')).json(), {
    user_id: 'u-self',
    total_activities: 1,
    by_activity_type: { user_login: 1 },
    by_status: { success: 1 }
  })
  t.match((await call('globex.self', '/activities/summary/user')).json(), {
    user_id: null, total_activities: 0
  })
  t.equal((await read('/activities/summary/user')).statusCode, 403)
  t.equal((await call('globex.auditor', `/activities/${own.id}`)).statusCode, 404)

  t.ok((await read('/activities/')).json().total >= 8)
  t.equal((await read('/activities/?user_id=u-self')).json().total, 1)
  t.equal((await read('/activities/?user_id=nobody')).json().total, 0)
  t.equal((await read('/activities/admin/users/user_123/activities')).json().total, 7)
  t.match((await read('/activities/admin/summary/user_123')).json(), {
    user_id: 'user_123', total_activities: 7, by_category: { change: 2, auth: 1 }
  })
  t.match((await read('/activities/admin/summary/nobody')).json(), {
    total_activities: 0, first_activity_at: null
  })
})

t.test('filters, windows and fields', async (t) => {
  const total = async (query: string): Promise<number> =>
    (await read(`/activities/?${query}`)).json().total
  t.equal(await total('activity_type=user_login'), 1)
  t.equal(await total('entity_type=table'), 1)
  t.equal(await total('entity_type=table&entity_id=users'), 1)
  t.equal(await total('status=failure'), 1)
  t.equal(await total('tag=web'), 1)
  t.equal(await total('start_date=2025-06-01T12:00:00Z&end_date=2025-06-01T12:00:01Z'), 6)
  const few = await read('/activities/auth-events/?fields=status,success&status=failure')
  t.strictSame(few.json().items, [{ status: 'failure', success: false }])
  t.match((await read('/activities/?limit=999&offset=2')).json(), { limit: 200, offset: 2 })
  const none = await read('/activities/auth-events/?fields=method&activity_type=never.was')
  t.match(none.json(), { status: 400, violations: [{ pointer: 'fields' }] }, 'whatever is found')
  for (const [query, pointer] of [
    ['fields=nope', 'fields'], ['fields=__proto__', 'fields'], ['entity_id=1', 'entity_id'],
    ['offset=10001', 'offset'], ['limit=0', 'limit'],
    ['start_date=2025-06-01T12:00:00Z&end_date=2025-06-01T12:00:00Z', 'end_date']
  ] as const) {
    const answer = await read(`/activities/?${query}`)
    t.match(answer.json(), { status: 400, violations: [{ pointer }] }, query)
  }
  const other = await read('/activities/admin/users/user_123/activities?user_id=u-self')
  t.match(other.json().violations, [{ pointer: 'user_id' }])
})

t.test('an address is the same without its last slash, and is described once', async (t) => {
  const { paths } = (await read('/openapi.json')).json()
  for (const kind of ['', ...Object.keys(sent).map((name) => `${name}/`)]) {
    const url = `/activities/${kind}`
    const short = url.slice(0, -1)
    t.strictSame((await read(`${short}?limit=1`)).json(), (await read(`${url}?limit=1`)).json())
    t.ok(url in paths)
    t.notOk(short in paths, short)
  }
})

t.test('hostile values in any parameter of any system are refused or find nothing', async (t) => {
  const hostile = [
    "' or 1=1 --", '$1', '%00', '%ED%A0%80', '\\', '-1', '1e309', '9'.repeat(40), '__proto__',
    'a'.repeat(5_000), '😀', '%', '999999999999999', "2026-01-01T00:00:00Z'", '[]', '../..'
  ]
  const surprises: string[] = []
  for (const [route, { querystring, hide }] of declared) {
    if (hide === true || !/^GET \/(api|activities|organizations)\//.test(route)) continue
    const [, url = ''] = route.split(' ')
    const path = url.replace(':organizationId', 'acme').replace(/:[a-zA-Z_]+/g, 'x1')
    const key = url === '/api/activity-logs' || url.endsWith('/summary/user') ? 'self' : 'auditor'
    for (const name of [...Object.keys((querystring as TObject).properties), 'nope']) {
      for (const value of hostile) {
        const text = value.startsWith('%') ? value : encodeURIComponent(value)
        const { statusCode, body } = await call(`acme.${key}`, `${path}?${name}=${text}`)
        if (statusCode === 200 || statusCode === 400) continue
        surprises.push(`${path}?${name}=${value.slice(0, 30)}: ${statusCode} ${body.slice(0, 200)}`)
      }
      const twice = await call(`acme.${key}`, `${path}?${name}=1&${name}=1`)
      if (twice.statusCode !== 400) surprises.push(`${path}?${name} twice: ${twice.statusCode}`)
    }
    if (!url.includes(':')) continue
    for (const value of ["'", '%00', '%ED%A0%80', 'a'.repeat(300), '%F0%9F%98%80', '%25']) {
      const { statusCode } = await read(url.replace(/:[a-zA-Z_]+/g, value))
      if (![200, 400, 404].includes(statusCode)) surprises.push(`${url} ${value}: ${statusCode}`)
    }
  }
  t.strictSame(surprises, [])
})

t.test('a UUID and its ULID are the same bits', async (t) => {
  // The example of the ULID specification.
  t.equal(uuidOf('01ARZ3NDEKTSV4RRFFQ69G5FAV'), '01563e3a-b5d3-d676-4c61-efb99302bd5b')
  fc.assert(fc.property(fc.uuid(), (uuid) => {
    const ulid = ulidOf(uuid)
    return ulid.length === 26 && uuidOf(ulid) === uuid && uuidOf(uuid) === uuid
  }))
})

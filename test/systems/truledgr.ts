import {
  answers, feature, knows, proven, refuses, takes, theirs, type Feature
} from './probes.ts'

const LISTS = 'GET /activities/'
const CLIENT = 'truledgr(client)'
const OPEN = 'PUT /v1/schemas/:action'
const SELF = 'acme.self'

/** One of the six kinds: what its list tells. */
const kind = (what: string, path: string, wanted: object): Feature =>
  feature(what, LISTS, answers(`/activities/${path}/`, { items: [wanted] }))

export const TRULEDGR: Readonly<Record<string, Feature>> = {
  T1: theirs('Files of a module', 'how TruLedgr\'s sources are laid out'),
  T2: feature('Type, entity, description, status, details, context, tags', LISTS,
    answers('/activities/{api}', {
      activity_type: 'api.happened',
      user_id: 'user_123',
      description: 'golden call',
      status: 'success',
      details: { method: 'POST' },
      context: { requestId: 'r-1' },
      tags: ['web']
    }),
    answers('/activities/?tag=web', { total: 1 })),
  T3: kind('Calls of the API', 'api-transactions', {
    method: 'POST', endpoint: '/api/users', status_code: 201, execution_time_ms: 7
  }),
  T4: kind('Reads', 'data-access', {
    table_name: 'users', fields_accessed: ['id', 'email'], permission_level: 'own'
  }),
  T5: feature('Changes: values, fields, validation errors, rules', LISTS,
    answers('/activities/{change}', {
      old_values: { name: 'John' },
      new_values: { name: 'John Doe' },
      changed_fields: ['name'],
      validation_errors: [],
      business_rules: [{ rule: 'kyc' }]
    })),
  T6: feature('Sign-ins: success, address, agent, second factor, method', LISTS,
    answers('/activities/{login}', {
      success: true, ip_address: '192.0.2.7', two_factor: true, login_method: 'password'
    }),
    answers('/activities/auth-events/?status=failure', { items: [{ success: false }] })),
  T7: kind('Calls of other services', 'external-api', {
    service_name: 'bank', response_code: 429, rate_limit_info: { left: 0 }
  }),
  T8: kind('What happens by itself', 'system-events', {
    severity: 'error', component: 'db', error_code: 'E1'
  }),
  T9: feature('Ids are ULIDs; both times; found by user, type and date by an index', LISTS,
    answers('/activities/{api}', {
      id: /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/, created_at: /Z$/, updated_at: /Z$/
    }),
    proven('api/adapters/truledgr', 'a UUID and its ULID are the same bits'),
    proven('projections/plans', 'no query reads a whole table')),
  T10: feature('createActivity, logApiTransaction, logDataAccess, logDataChanges', CLIENT,
    proven('client/helpers', 'TruLedgr: the service calls write what its lists then show'),
    knows('auth', 'user_login'), knows('action', 'user_creation')),
  T11: feature('A list by filters', LISTS,
    answers('/activities/?activity_type=api.*&user_id=user_123&status=success', { total: 1 }),
    answers('/activities/?start_date=2025-01-01T00:00:00Z&end_date=2025-02-01T00:00:00Z',
      { total: 4 })),
  T12: feature('One activity', LISTS, answers('/activities/{change}', { record_id: 'user_456' }),
    refuses('/activities/00000000-0000-0000-0000-000000000000', 404, 'acme.auditor')),
  T13: feature('One\'s own, counted', LISTS,
    answers('/activities/summary/user', { user_id: 'u-self', total_activities: 2 }, SELF)),
  T14: feature('A list for each of six kinds; what happens by itself for auditors', LISTS,
    proven('api/adapters/truledgr',
      'each of the six kinds is listed with what it tells, and read alone'),
    refuses('/activities/system-events/', 403, SELF)),
  T15: feature('One user\'s, and the same counted, for auditors', LISTS,
    answers('/activities/admin/users/user_123/activities', { total: 6 }),
    answers('/activities/admin/summary/user_123', { user_id: 'user_123', total_activities: 6 }),
    refuses('/activities/admin/summary/user_123', 403, SELF)),
  T16: feature('Every list has filters, limit and offset; one is over all tables', LISTS,
    answers('/activities/data-changes/?entity_type=users&limit=1&offset=0', {
      items: { length: 1 }, limit: 1, offset: 0
    }),
    answers('/activities/?user_id=user_123', { total: 6 })),
  T17: feature('What is sent is validated, what is answered described', LISTS,
    refuses('/activities/?limit=x', 400, 'acme.auditor'),
    proven('api/access', 'every route serves the roles that it names'),
    proven('schemas/door', 'what is right is taken')),
  T18: feature('API calls are logged by middleware', CLIENT,
    proven('client/calls', 'middleware records the same for Express and its like')),
  T19: feature('Users apart, routes by role, redaction, failed sign-ins', CLIENT,
    answers('/activities/', { total: 2 }, SELF),
    refuses('/activities/?user_id=user_123', 403, SELF),
    answers('/v1/sign-ins/failed?groupBy=user', { events: 1 }),
    proven('client/redact', 'members with secret names go, whatever their spelling; null stays ' +
      'null')),
  T20: feature('Pages, and only the fields that are asked for', LISTS,
    answers('/activities/auth-events/?fields=status,success&status=failure', {
      items: [{ status: 'failure', success: false }]
    }),
    proven('client/helpers', 'helpers over the buffer resolve before anything is sent')),
  T21: feature('Custom types, fields, filters, aggregations; webhooks', OPEN,
    takes('PUT', '/v1/schemas/loan.approved', {
      category: 'action', template: '{actor} approved the loan {entity}'
    }, { action: 'loan.approved', version: 1 }),
    answers('/v1/aggregations?groupBy=category', { facets: { category: { events: Number } } }),
    proven('worker/webhooks', 'events arrive in order, signed, once while nothing fails')),
  T22: feature('Next there: live feed, analytics, retention, CSV and JSON, full text', OPEN,
    proven('api/stream', 'what is recorded comes at once, filtered, opened, and nothing of others'),
    proven('api/aggregations', 'events are counted by each grouping, the largest group first'),
    proven('api/exports/exports', 'NDJSON and CSV say the same'),
    answers('/v1/events?q=golden', { items: [{ action: 'api.happened' }] }))
}

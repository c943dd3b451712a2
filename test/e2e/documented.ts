import { ulidOf } from '../../src/api/adapters/ulid.ts'
import { uuidOfText } from '../../src/ledger/ids.ts'

const WHEN = '2025-01-15T10:30:00Z'
const ALICE = { type: 'user', id: '1', name: 'Alice', email: 'alice@example.com' }
/** Whose own log Coequal and TruLedgr show. */
export const TEACHER = { type: 'user', id: 'teacher-1' }
const payload = {
  userAssignmentId: 'ua-1', assignmentTitle: 'Macroeconomics Midterm', submissionCount: 124
}
const said = (action: string, category: string, more: object = {}): object => ({
  action, category, actor: TEACHER, outcome: 'success', occurredAt: WHEN, ...more
})
const update = (id: string): object => said('record.updated', 'change', {
  actor: ALICE, entity: { type: 'orders', id }, data: { operation: 'update' }
})
const many = (count: number, event: object): object[] => Array.from({ length: count }, () => event)

/** One event of each kind that TruLedgr has, and what its list tells of it. */
const KINDS = {
  'api-transactions': ['api', { method: 'POST', endpoint: '/api/users', statusCode: 201 }, {
    method: 'POST',
    endpoint: '/api/users',
    status_code: 201,
    request_data: null,
    response_data: null,
    headers: null,
    execution_time_ms: null,
    error_details: null,
    performance_metrics: null
  }],
  'data-access': ['access', { operation: 'read', fields: ['id', 'email', 'name'] }, {
    table_name: null,
    operation: 'read',
    query_parameters: null,
    fields_accessed: ['id', 'email', 'name'],
    permission_level: null,
    applied_filters: null
  }],
  'auth-events': ['auth', { method: 'password', mfa: true }, {
    event_type: 'documented',
    success: true,
    failure_reason: null,
    ip_address: null,
    user_agent: null,
    session_id: null,
    two_factor: true,
    login_method: 'password'
  }],
  'external-api': ['external', { service: 'bank', statusCode: 200 }, {
    service_name: 'bank',
    endpoint: null,
    method: null,
    response_code: 200,
    execution_time_ms: null,
    error_details: null,
    rate_limit_info: null
  }],
  'system-events': ['system', { severity: 'info', component: 'db' }, {
    event_type: 'documented',
    severity: 'info',
    component: 'db',
    error_code: null,
    stack_trace: null,
    affected_entities: null
  }],
  'data-changes': ['change', { operation: 'update' }, {
    table_name: null,
    operation: 'update',
    record_id: null,
    old_values: { name: 'John' },
    new_values: { name: 'John Doe' },
    changed_fields: ['name'],
    validation_errors: null,
    business_rules: null
  }]
} as const
const states = { before: { name: 'John' }, after: { name: 'John Doe' } }

/** What the systems' documents show is made of these; the last of each kind is the one shown. */
export const DOCUMENTED = {
  orders: [...many(149, update('9')), update('456')],
  shares: [said('share_transfer', 'action', { data: { shares: 5 } })],
  steps: [said('option_exercise.progressed', 'task', {
    entity: { type: 'option_grant', id: 'og-1' },
    data: { taskType: 'OptionExercise', status: 'requested' }
  })],
  kinds: Object.values(KINDS).map(([category, data]) =>
    said('documented', category, { data, ...category === 'change' && states })),
  log: [...many(375, said('settings_updated', 'action')), said('user_assignment_evaluated',
    'action', { occurredAt: '2025-05-03T12:00:00Z', data: payload })]
} as const

/** A documented request, by whom, and what is answered. */
export interface Documented {
  line: string
  by: 'auditor' | 'self'
  body: object
  /** The document shows the whole answer: there are no other members. */
  isWhole: boolean
}

/** The requests, given the ids of the events that are shown, by the name of their list. */
export function documentedRequests (
  tenant: string, last: Readonly<Record<keyof typeof DOCUMENTED, string>>, kindIds: string[]
): Documented[] {
  const user = { id: '1', name: 'Alice', email: 'alice@example.com' }
  const shown = {
    id: `act_${last.orders}`,
    action: 'update',
    tableName: 'orders',
    recordId: 456,
    createdAt: WHEN,
    user
  }
  const evaluated = { id: last.log, action: 'user_assignment_evaluated', createdAt: 1_746_273_600 }
  const auditor = (line: string, body: object, isWhole = false): Documented =>
    ({ line, by: 'auditor', body, isWhole })
  const self = (line: string, body: object, isWhole = false): Documented =>
    ({ line, by: 'self', body, isWhole })
  return [
    auditor('/api/activity?page=1&pageSize=20&table=orders&action=update', {
      activities: [shown],
      pagination: { total: 150, page: 1, pageSize: 20, totalPages: 8 }
    }, true),
    auditor(`/api/activity/act_${last.orders}`, { ...shown, workspaceId: tenant, userId: '1' }),
    auditor('/api/activity/audit/orders/456', {
      activities: [{ ...shown, userId: '1' }],
      pagination: { total: 1, page: 1, pageSize: 20, totalPages: 1 }
    }),
    self('/api/activity-logs?limit=50&offset=0', {
      items: [{ ...evaluated, payload }], total: 384, limit: 50, offset: 0
    }, true),
    self('/api/activity-logs?limit=10', { items: { length: 10 }, total: 384, limit: 10 }),
    auditor(`/organizations/${tenant}/actions?type=share_transfer`, {
      items: [{ organization: tenant, type: uuidOfText('share_transfer'), user: TEACHER.id }]
    }),
    auditor(`/organizations/${tenant}/event-logs?type=share_transfer`, {
      items: [{
        id: last.shares,
        type: 'share_transfer',
        user: TEACHER.id,
        organization: tenant,
        data: { shares: 5 }
      }]
    }),
    auditor(`/organizations/${tenant}/tasks`, {
      items: [{ entity: 'og-1', type: 'OptionExercise', status: 'requested' }]
    }),
    self('/activities/', { total: 384, limit: 50, offset: 0 }),
    self('/activities/summary/user', { user_id: TEACHER.id, total_activities: 384 }),
    auditor(`/activities/admin/users/${TEACHER.id}/activities`, { total: 384 }),
    auditor(`/activities/admin/summary/${TEACHER.id}`, {
      user_id: TEACHER.id, total_activities: 384
    }),
    ...Object.entries(KINDS).flatMap(([kind, [, details, told]], index) => {
      const id = ulidOf(kindIds[index] ?? '')
      const item = {
        id,
        activity_type: 'documented',
        user_id: TEACHER.id,
        description: null,
        entity_type: null,
        entity_id: null,
        status: 'success',
        details,
        context: null,
        tags: [],
        created_at: WHEN,
        updated_at: WHEN,
        ...told
      }
      return [
        auditor(`/activities/${kind}/?activity_type=documented`, {
          items: [item], total: 1, limit: 50, offset: 0
        }, true),
        auditor(`/activities/${id}`, item, true)
      ]
    })
  ]
}

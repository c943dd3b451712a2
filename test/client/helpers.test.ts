import t from 'tap'
import { CATALOGUE } from '../../schemas/vocabulary/catalogue.ts'
import { MOSAIC } from '../../schemas/vocabulary/catalogue/mosaic.ts'
import { buffered } from '../../src/client/categories.ts'
import type { EventInput } from '../../src/client/event.ts'
import { mosaic, type MosaicSaid } from '../../src/client/mosaic.ts'
import { truledgr } from '../../src/client/truledgr.ts'
import { listeningLedger } from './ledger.ts'

const ledger = await listeningLedger(t)
const client = ledger.client(t)
const read = async (url: string) => (await ledger.call('acme.auditor', url)).json()
/** Reads show what was appended before. */
const shown = async (): Promise<void> => { await ledger.append('acme', waited) }
const waited = { action: 'x', category: 'action', actor: { type: 'system' }, outcome: 'success' }

const said: MosaicSaid = {
  userId: 'u-mosaic', details: { note: 'n' }, ipAddress: '192.0.2.7', userAgent: 'curl'
}
const HELPERS: Array<[name: string, extra: Record<string, string>, entity: string, id: string]> = [
  ['logTaskCreated', { taskId: 't-1' }, 'task', 't-1'],
  ['logTaskUpdated', { taskId: 't-1' }, 'task', 't-1'],
  ['logTaskAssigned', { taskId: 't-1', assigneeId: 'u-other' }, 'task', 't-1'],
  ['logTaskCompleted', { taskId: 't-1' }, 'task', 't-1'],
  ['logTaskDeleted', { taskId: 't-1' }, 'task', 't-1'],
  ['logEventCreated', { eventId: 'e-1' }, 'event', 'e-1'],
  ['logEventUpdated', { eventId: 'e-1' }, 'event', 'e-1'],
  ['logEventDeleted', { eventId: 'e-1' }, 'event', 'e-1'],
  ['logProjectCreated', { projectId: 'p-1' }, 'project', 'p-1'],
  ['logProjectUpdated', { projectId: 'p-1' }, 'project', 'p-1'],
  ['logProjectDeleted', { projectId: 'p-1' }, 'project', 'p-1'],
  ['logWorkspaceCreated', { workspaceId: 'w-1' }, 'workspace', 'w-1'],
  ['logWorkspaceUpdated', { workspaceId: 'w-1' }, 'workspace', 'w-1'],
  ['logWorkspaceMemberAdded', { workspaceId: 'w-1', memberId: 'u-member' }, 'workspace', 'w-1'],
  ['logWorkspaceMemberRemoved', { workspaceId: 'w-1', memberId: 'u-member' }, 'workspace', 'w-1'],
  ['logUserUpdated', { targetUserId: 'u-other' }, 'user', 'u-other'],
  ['logActivity', { action: 'IDEA_CAPTURED', entityType: 'IDEA', entityId: 'i-1' }, 'idea', 'i-1']
]

t.test('Mosaic: the 17 helpers write what its paths then show', async (t) => {
  const helpers = mosaic(client)
  t.equal(HELPERS.length, 17)
  t.strictSame(Object.keys(helpers).toSorted(), HELPERS.map(([name]) => name).toSorted())
  for (const [name, extra, entityType, entityId] of HELPERS) {
    const helper = Reflect.get(helpers, name)
    const { id } = await helper({ ...said, ...extra })
    await shown()
    const entry = await read(`/api/activity/act_${id}`)
    t.match(entry, {
      userId: 'u-mosaic',
      entityType,
      entityId,
      metadata: { note: 'n' },
      ipAddress: '192.0.2.7',
      userAgent: 'curl'
    }, name)
    const { category } = await read(`/v1/events/${id}`)
    const known = MOSAIC[entry.action]
    if (name !== 'logActivity') t.equal(category, known?.category, `${name} is ${entry.action}`)
  }
  const trail = await read('/api/activity/audit/TASK/t-1')
  t.strictSame(trail.activities.map(({ action }: { action: string }) => action), [
    'task.deleted', 'task.completed', 'task.assigned', 'task.updated', 'task.created'
  ])
  const assigned = await read('/api/activity/audit/USER/u-other')
  t.match(assigned.activities, [{ action: 'user.updated' }, { action: 'task.assigned' }],
    'whoever a task is assigned to sees it as well')
  const { items } = await read('/v1/tasks')
  t.match(items, [{ status: 'deleted' }])
})

t.test('Mosaic: the generic helper knows its constants', async (t) => {
  const taken: EventInput[] = []
  const helpers = mosaic({ append: async (event) => { taken.push(event) } })
  for (const action of ['LOGIN', 'LOGOUT', 'PASSWORD_RESET', 'EMAIL_VERIFIED', 'auth.login']) {
    await helpers.logActivity({ userId: 'u', action })
  }
  await helpers.logActivity({ userId: 'u', action: 'CREATED', entityType: 'TASK', entityId: '1' })
  await helpers.logActivity({
    userId: 'u', action: 'UPDATED', entityType: 'PROJECT', entityId: '1', before: 1, after: 2
  })
  await helpers.logActivity({ userId: 'u', action: 'agent.spawned', entityType: 'Agent' })
  t.strictSame(taken.map(({ category, action }) => `${category} ${action}`), [
    'auth auth.login', 'auth auth.logout', 'auth auth.password_reset', 'auth auth.email_verified',
    'auth auth.login', 'task task.created', 'change project.updated', 'action agent.spawned'
  ])
  t.match(taken[6], { before: 1, after: 2, data: { operation: 'update' } })
  t.equal(taken[7]?.entity, undefined)
})

t.test('TruLedgr: the service calls write what its lists then show', async (t) => {
  const service = truledgr(client)
  const common = { userId: 'u-t', ipAddress: '192.0.2.8', userAgent: 'curl', sessionId: 's-1' }
  const rows: Array<[list: string, write: () => Promise<{ id: string }>, item: object]> = [
    ['', async () => await service.createActivity({
      ...common,
      activityType: 'user_creation',
      description: 'made',
      entityType: 'user',
      entityId: 'u-new',
      tags: ['web'],
      details: { plan: 'pro' }
    }), {
      activity_type: 'user_creation',
      description: 'made',
      entity_type: 'user',
      entity_id: 'u-new',
      tags: ['web'],
      status: 'success',
      details: { plan: 'pro' }
    }],
    ['api-transactions/', async () => await service.logApiTransaction({
      ...common,
      method: 'POST',
      endpoint: '/api/users',
      statusCode: 500,
      executionTimeMs: 12.5,
      requestData: { name: 'A', password: 'p' },
      responseData: { token: 't' },
      headers: { authorization: 'Bearer x', accept: '*/*' },
      errorDetails: { code: 'E' },
      performanceMetrics: { db: 3 }
    }), {
      activity_type: 'api.called',
      status: 'failure',
      method: 'POST',
      endpoint: '/api/users',
      status_code: 500,
      execution_time_ms: 12.5,
      request_data: { name: 'A', password: '[redacted]' },
      response_data: { token: '[redacted]' },
      headers: { authorization: '[redacted]', accept: '*/*' },
      error_details: { code: 'E' },
      performance_metrics: { db: 3 }
    }],
    ['data-access/', async () => await service.logDataAccess({
      ...common,
      tableName: 'users',
      operation: 'read',
      fieldsAccessed: ['id', 'email'],
      queryParameters: { q: 1 },
      permissionLevel: 'own',
      appliedFilters: { active: true }
    }), {
      table_name: 'users',
      operation: 'read',
      fields_accessed: ['id', 'email'],
      query_parameters: { q: 1 },
      permission_level: 'own',
      applied_filters: { active: true }
    }],
    ['data-access/', async () => await service.logDataAccess({
      ...common, tableName: 'users', recordId: '7', operation: 'read'
    }), { table_name: 'users', entity_id: '7' }],
    ['data-changes/', async () => await service.logDataChanges({
      ...common,
      tableName: 'accounts',
      operation: 'update',
      recordId: '456',
      oldValues: { name: 'John' },
      newValues: { name: 'John Doe' },
      validationErrors: ['v'],
      businessRules: ['b']
    }), {
      table_name: 'accounts',
      operation: 'update',
      record_id: '456',
      old_values: { name: 'John' },
      new_values: { name: 'John Doe' },
      changed_fields: ['name'],
      validation_errors: ['v'],
      business_rules: ['b']
    }],
    ['auth-events/', async () => await service.logAuthEvent({
      ...common,
      eventType: 'user_login',
      success: false,
      failureReason: 'wrong password',
      twoFactor: true,
      loginMethod: 'password'
    }), {
      event_type: 'user_login',
      success: false,
      failure_reason: 'wrong password',
      ip_address: '192.0.2.8',
      user_agent: 'curl',
      session_id: 's-1',
      two_factor: true,
      login_method: 'password'
    }],
    ['auth-events/', async () => await service.createActivity({
      ...common, activityType: 'user_login'
    }), { event_type: 'user_login', success: true }],
    ['external-api/', async () => await service.logExternalApi({
      ...common,
      serviceName: 'bank',
      endpoint: '/a',
      method: 'GET',
      responseCode: 429,
      executionTimeMs: 7,
      errorDetails: 'slow down',
      rateLimitInfo: { left: 0 }
    }), {
      status: 'failure',
      service_name: 'bank',
      endpoint: '/a',
      method: 'GET',
      response_code: 429,
      execution_time_ms: 7,
      error_details: 'slow down',
      rate_limit_info: { left: 0 }
    }],
    ['system-events/', async () => await service.logSystemEvent({
      eventType: 'job.failed',
      severity: 'error',
      component: 'db',
      errorCode: 'E1',
      stackTrace: 'at x',
      affectedEntities: ['a']
    }), {
      status: 'failure',
      user_id: null,
      event_type: 'job.failed',
      severity: 'error',
      component: 'db',
      error_code: 'E1',
      stack_trace: 'at x',
      affected_entities: ['a']
    }]
  ]
  for (const [list, write, item] of rows) {
    const { id } = await write()
    await shown()
    const tag = list === '' ? '&tag=web' : ''
    const { items } = await read(`/activities/${list}?limit=1${tag}`)
    const { category, action } = await read(`/v1/events/${id}`)
    t.match(items[0], { ...item, activity_type: action }, `${action} is the newest of /${list}`)
    t.equal(CATALOGUE.get(action)?.category, category, `${action} is as the catalogue has it`)
  }
})

t.test('helpers over the buffer resolve before anything is sent', async (t) => {
  const slow = ledger.client(t, { batch: { lingerMs: 60_000 } })
  await mosaic(buffered(slow)).logTaskCreated({ userId: 'u', taskId: 't-9' })
  await truledgr(buffered(slow)).logDataAccess({ tableName: 'users', operation: 'read' })
  t.match(slow.stats(), { buffered: 2, recorded: 0 })
  await slow.flush()
  t.match(slow.stats(), { recorded: 2 })
})

import type { Test } from 'tap'
import { event, until } from '../api/service.ts'
import { listeningLedger } from '../client/ledger.ts'
import type { Seeded } from './probes.ts'

const ALICE = { type: 'user', id: '1', name: 'Alice', email: 'alice@example.com' }
const TEACHER = { type: 'user', id: 'u-self', name: 'Tess' }
const GONE = { type: 'user', id: 'u-gone', name: 'Gus' }
const CUSTOMER = { type: 'user', id: 'user_123' }
const HOLDER = { type: 'user', id: 'holder-1' }
const WORKER = { type: 'service', id: 'grading-worker' }
const titled = { userAssignmentId: 'ua-1', assignmentTitle: 'Macroeconomics Midterm' }

const record = (operation: string, said: object = {}): object => event({
  action: `record.${operation}d`,
  actor: ALICE,
  entity: { type: 'orders', id: '456' },
  occurredAt: '2025-01-15T10:30:00Z',
  data: { operation },
  ...said
})
const entry = (action: string, said: object = {}): object => event({
  action,
  category: 'action',
  actor: TEACHER,
  entity: { type: 'user_assignment', id: 'ua-1' },
  data: titled,
  ...said
})
const happened = (category: string, data: object, said: object = {}): object => event({
  action: `${category}.happened`, category, actor: CUSTOMER, entity: undefined, data, ...said
})

/** What the five systems would have sent, by name. */
const SEEDS: Readonly<Record<string, object>> = {
  order: record('update', { before: { status: 'open' }, after: { status: 'paid' } }),
  created: record('create', { after: { status: 'open' } }),
  restored: record('restore'),
  gone: record('delete', { actor: GONE, entity: { type: 'orders', id: '9' } }),
  purged: event({
    action: 'account.deletion.purged',
    category: 'system',
    actor: GONE,
    entity: { type: 'account', id: 'a-9' },
    data: { severity: 'info', component: 'accounts' }
  }),
  added: entry('assignment_input_created', {
    related: [{ type: 'student', id: 's-1', name: 'Ann Lee' },
      { type: 'student', id: 's-2', name: 'Bob Ray' }],
    data: { ...titled, submissionCount: 2 }
  }),
  removed: entry('assignment_input_deleted', {
    data: { ...titled, studentName: 'Ann Lee' },
    personal: [{ subject: { type: 'student', id: 's-1' }, paths: ['/data/studentName'] }]
  }),
  evaluated: entry('user_assignment_evaluated', {
    actor: WORKER,
    related: [TEACHER],
    occurredAt: '2025-05-03T12:00:00Z',
    data: { ...titled, submissionCount: 124 }
  }),
  task: event({
    action: 'task.created',
    category: 'task',
    actor: { type: 'user', id: 'u-mosaic' },
    entity: { type: 'task', id: 't-1' },
    related: [{ type: 'idea', id: 'i-1' }],
    context: { ip: '192.0.2.7', userAgent: 'curl' },
    data: { taskType: 'todo', status: 'IN_PROGRESS' }
  }),
  login: event({
    action: 'auth.login',
    category: 'auth',
    actor: { type: 'user', id: 'u-mosaic' },
    entity: undefined,
    context: { ip: '192.0.2.7', userAgent: 'curl' },
    data: { method: 'password', mfa: true }
  }),
  failed: event({
    action: 'auth.login_failed',
    category: 'auth',
    outcome: 'failure',
    actor: CUSTOMER,
    entity: undefined,
    data: { method: 'password', reason: 'wrong password' }
  }),
  agent: event({
    action: 'agent.suggested',
    category: 'action',
    actor: { type: 'agent', id: 'clawd-1' },
    entity: { type: 'task', id: 't-1' },
    data: { agentStatus: 'WORKING' }
  }),
  linked: event({
    action: 'idea.linked',
    entity: { type: 'idea', id: 'i-2' },
    related: [{ type: 'domain', id: 'work' }, { type: 'task', id: 't-1' }],
    data: { relationship: 'BLOCKED_BY', ideaStatus: 'ACTIONABLE' }
  }),
  transfer: event({
    action: 'share_transfer',
    actor: HOLDER,
    entity: { type: 'shareholding', id: 'sh-1' },
    before: { shares: 500 },
    after: { shares: 400 },
    data: { shares: 100 }
  }),
  exercise: event({
    action: 'option_exercise.progressed',
    category: 'task',
    actor: HOLDER,
    entity: { type: 'option_grant', id: 'og-1' },
    data: { taskType: 'OptionExercise', status: 'requested' }
  }),
  api: happened('api', { method: 'POST', endpoint: '/api/users', statusCode: 201, durationMs: 7 },
    { tags: ['web'], description: 'golden call', context: { requestId: 'r-1' } }),
  access: happened('access', { operation: 'read', fields: ['id', 'email'], permission: 'own' },
    { entity: { type: 'table', id: 'users' } }),
  change: happened('change', {
    operation: 'update', validationErrors: [], businessRules: [{ rule: 'kyc' }]
  }, {
    entity: { type: 'users', id: 'user_456' }, before: { name: 'John' }, after: { name: 'John Doe' }
  }),
  external: happened('external', { service: 'bank', statusCode: 429, rateLimit: { left: 0 } }),
  system: happened('system', { severity: 'error', component: 'db', errorCode: 'E1' })
}

/** Boots a ledger, appends all that, and erases Gus. */
export async function seededLedger (t: Test): Promise<Seeded> {
  const ledger = await listeningLedger(t)
  const { items } = await ledger.append('acme', Object.values(SEEDS))
  const ids = Object.fromEntries(Object.keys(SEEDS).map((name, index) =>
    [name, String(items[index].receipt.id)]))
  const asked = await ledger.call('acme.compliance', {
    method: 'POST',
    url: '/v1/erasures',
    payload: {
      subject: { type: 'user', id: 'u-gone' }, legalBasis: 'b', reason: 'r', recipients: []
    }
  })
  const { id: erasure } = asked.json()
  await until(async () => await ledger.call('acme.auditor', `/v1/erasures/${erasure}`),
    (answer) => answer.json().state === 'executed')
  return { ledger, ids: { ...ids, erasure } }
}

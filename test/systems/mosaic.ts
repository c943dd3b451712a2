import {
  answers, feature, knows, proven, refuses, theirs, type Feature
} from './probes.ts'

const LIST = 'GET /api/activity'
const CLIENT = 'mosaic(client)'
const APART = 'tenants'
const LIVE = '/v1/events/stream'

export const MOSAIC: Readonly<Record<string, Feature>> = {
  M1: feature('What users do, what changes in a workspace, tasks, events, sign-ins', LIST,
    answers('/api/activity?userId=u-mosaic', {
      activities: [{ action: 'auth.login' }, { action: 'task.created' }]
    })),
  M2: feature('Action, user, entity, metadata, times, address, agent, workspace', LIST,
    answers('/api/activity/act_{task}', {
      action: 'task.created',
      userId: 'u-mosaic',
      entityType: 'task',
      entityId: 't-1',
      metadata: { status: 'IN_PROGRESS' },
      createdAt: /Z$/,
      ipAddress: '192.0.2.7',
      userAgent: 'curl',
      workspaceId: 'acme'
    })),
  M3: feature('A service that logs, has helpers, and is asked by filter and page', CLIENT,
    proven('client/helpers', 'Mosaic: the generic helper knows its constants'),
    answers('/api/activity?entityType=TASK&pageSize=1', { pagination: { pageSize: 1 } })),
  M4: feature('A list by pages and filters', LIST,
    answers('/api/activity?entityType=TASK&entityId=t-1&page=1', {
      activities: [{ tableName: 'task', recordId: 't-1' }], pagination: { total: 2 }
    })),
  M5: feature('One activity', LIST, answers('/api/activity/{task}', { entityId: 't-1' }),
    refuses('/api/activity/00000000-0000-0000-0000-000000000000', 404, 'acme.auditor')),
  M6: feature('The audit trail of an entity', LIST,
    answers('/api/activity/audit/TASK/t-1', { pagination: { total: 3 } })),
  M7: feature('API calls are logged by themselves, business and sign-ins by hand', CLIENT,
    proven('client/calls', 'a call comes back from the ledger with what it was',
      'middleware records the same for Express and its like')),
  M8: feature('auth.*, user.*, workspace.*, task.*, event.*, project.*', LIST,
    answers('/api/activity?action=task.*', { activities: [{ action: 'task.created' }] }),
    knows('auth', 'auth.login', 'auth.logout', 'auth.token_refreshed'),
    knows('change', 'user.updated', 'workspace.created', 'workspace.updated',
      'workspace.member_added', 'workspace.member_removed', 'event.created', 'event.updated',
      'event.deleted', 'project.created', 'project.updated', 'project.deleted'),
    knows('task', 'task.created', 'task.updated', 'task.deleted', 'task.completed',
      'task.assigned')),
  M9: feature('LOGIN, LOGOUT, PASSWORD_RESET, EMAIL_VERIFIED, and where from', LIST,
    answers('/api/activity?action=LOGIN', { activities: [{ action: 'auth.login' }] }),
    answers('/api/activity/act_{login}', { ipAddress: '192.0.2.7', userAgent: 'curl' }),
    knows('auth', 'auth.logout', 'auth.password_reset', 'auth.email_verified'),
    proven('projections/plans', 'no query reads a whole table')),
  M10: feature('Seventeen helpers', CLIENT,
    proven('client/helpers', 'Mosaic: the 17 helpers write what its paths then show')),
  M11: feature('A workspace sees its own and no other', APART,
    refuses('/api/activity/act_{task}', 404, 'globex.auditor'),
    answers('/api/activity', { pagination: { total: 0 } }, 'globex.auditor'),
    proven('postgres/access', 'a pooled connection without a tenant sees nothing',
      'a tenant sees its own rows and no other')),
  M12: feature('Nothing personal in the log but a reference', APART,
    answers('/v1/events/{login}/raw', { data: { actor: { type: 'user', ref: /^[0-9a-f-]{36}$/ } } }),
    proven('ledger/codec', 'no personal value is in what leaves, not even in the name of the ' +
      'stream')),
  M13: theirs('Files of a module', 'how Mosaic\'s sources are laid out'),
  M14: theirs('Counts of tests and their coverage', 'what Mosaic proves of its own code'),
  M15: feature('Agents act; ideas, domains and tasks are linked', LIST,
    answers('/api/activity?action=agent.suggested', { activities: [{ user: { id: 'clawd-1' } }] }),
    answers('/api/activity/audit/IDEA/i-1', { pagination: { total: 1 } }),
    answers('/api/activity/audit/DOMAIN/work', { pagination: { total: 1 } })),
  M16: feature('Statuses of ideas and agents, kinds of links', LIST,
    answers('/api/activity/{linked}', {
      metadata: { relationship: 'BLOCKED_BY', ideaStatus: 'ACTIONABLE' }
    }),
    answers('/api/activity/{agent}', { metadata: { agentStatus: 'WORKING' } })),
  M17: feature('Next there: a live feed, retention, sign-ins and changes logged', LIVE,
    proven('api/websocket', 'what is recorded comes at once, filtered, opened, and nothing of ' +
      'others'),
    proven('api/retention-policies', 'a policy is on record, listed, read and revoked once'))
}

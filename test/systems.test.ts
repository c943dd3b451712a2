import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { CATEGORIES } from '../schemas/events/index.ts'
import { CATALOGUE } from '../schemas/vocabulary/catalogue.ts'
import { PROTECTED, PUBLIC } from '../src/api/app.ts'
import { packageFile } from '../src/paths.ts'

const root = packageFile('.')
const routes = new Set([...PUBLIC, ...PROTECTED].map(([method, url]) => `${method} ${url}`))

/**
 * Everything that the five systems documented, and where it is here: a route, an `action:` that is
 * known from the start, a `category:`, or a `file:` that does it or holds it by test.
 */
const PLACES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  Equa: {
    'actions, event logs and tasks side by side': [
      'GET /organizations/:organizationId/actions', 'GET /organizations/:organizationId/event-logs',
      'GET /organizations/:organizationId/tasks'
    ],
    'fields of actions, event logs and tasks': ['file:test/api/adapters/activity.test.ts'],
    'types such as login and share_transfer': ['action:login', 'action:share_transfer'],
    'exercise of options': ['action:option_exercise.progressed', 'category:task'],
    'one durable write before the answer': ['POST /v1/events'],
    'recent actions of an organisation': ['GET /organizations/:organizationId/actions'],
    'an index of the documentation for machines': ['GET /llms.txt'],
    'gap: logs could be deleted': ['GET /v1/replay', 'file:test/ledger/ledger.test.ts'],
    'gap: not all changes were covered': ['category:change', 'category:access'],
    'gap: no states before and after': [
      'GET /v1/events/:id/diff', 'GET /v1/entities/:type/:id/blame',
      'GET /v1/entities/:type/:id/state'
    ],
    'gap: no export': ['POST /v1/exports', 'GET /v1/exports/:id/download']
  },
  Sovrium: {
    'one log of every action': ['GET /api/activity', 'GET /v1/events'],
    'entries are immutable': ['file:src/proof/leaf.ts', 'POST /v1/corrections'],
    'create, update, delete, restore of records': [
      'action:record.created', 'action:record.updated', 'action:record.deleted',
      'action:record.restored'
    ],
    'sign-in, sign-up, reset, revocation': [
      'action:auth.login', 'action:auth.signed_up', 'action:auth.password_reset',
      'action:auth.session_revoked'
    ],
    'users, roles, bans, schemas, force-deletes': [
      'action:user.created', 'action:user.role_changed', 'action:user.banned',
      'action:schema.published', 'action:record.force_deleted'
    ],
    'migrations, scheduling and purge of accounts': [
      'action:migration.applied', 'action:account.deletion.scheduled',
      'action:account.deletion.purged'
    ],
    'list with page, pageSize, table, action': ['GET /api/activity'],
    'one entry': ['GET /api/activity/:activityId'],
    '401, 403, defaults, the documented answer': ['file:test/api/adapters/activity.test.ts'],
    'documentation as Markdown': ['GET /docs.md', 'GET /docs/:page.md'],
    'an entry outlives its actor': ['file:test/privacy/seal.test.ts']
  },
  Coequal: {
    'one\'s own log, newest first, limit and offset': [
      'GET /api/activity-logs', 'GET /v1/me/events'
    ],
    'the documented answer, Unix seconds, cap of 200': ['file:test/api/adapters/activity.test.ts'],
    'thirteen actions': [
      'action:assignment_created', 'action:user_assignment_created',
      'action:assignment_input_created', 'action:assignment_input_deleted',
      'action:user_assignment_uploaded', 'action:user_assignment_grading_started',
      'action:user_assignment_evaluated', 'action:user_assignment_calibration_started',
      'action:user_assignment_calibration_skipped', 'action:user_assignment_calibrated',
      'action:user_assignment_exported', 'action:frontier_answer_generated',
      'action:settings_updated'
    ],
    'one batch is one entry': ['file:src/sample/stories/coequal.ts'],
    'a row without look-ups': ['PUT /v1/schemas/:action', 'file:test/api/schemas.test.ts'],
    'names of students in payloads': ['file:test/privacy/personal.test.ts']
  },
  Mosaic: {
    'list, filters, paging': ['GET /api/activity', 'GET /v1/events'],
    'one activity': ['GET /api/activity/:activityId'],
    'audit trail of an entity': [
      'GET /api/activity/audit/:entityType/:entityId', 'GET /v1/entities/:type/:id/events'
    ],
    'auth.*': [
      'action:auth.login', 'action:auth.logout', 'action:auth.token_refreshed',
      'action:auth.password_reset', 'action:auth.email_verified'
    ],
    'user.* and workspace.*': [
      'action:user.updated', 'action:workspace.created', 'action:workspace.updated',
      'action:workspace.member_added', 'action:workspace.member_removed'
    ],
    'task.*, event.*, project.*': [
      'action:task.created', 'action:task.updated', 'action:task.deleted', 'action:task.completed',
      'action:task.assigned', 'action:event.created', 'action:event.updated',
      'action:event.deleted', 'action:project.created', 'action:project.updated',
      'action:project.deleted'
    ],
    'isolation of workspaces': ['file:test/postgres/access.test.ts'],
    'no personal data but a reference': ['file:test/ledger/codec.test.ts'],
    'agents act, entities link to entities': ['file:src/sample/stories/mosaic.ts'],
    'API calls recorded by themselves; by hand; sign-ins': [
      'file:src/client/middleware.ts', 'file:src/client/fastify.ts',
      'file:test/client/calls.test.ts'
    ],
    '17 helpers': ['file:src/client/mosaic.ts', 'file:test/client/helpers.test.ts'],
    'next: a live feed': ['GET /v1/events/stream', 'file:test/api/websocket.test.ts']
  },
  TruLedgr: {
    'list with filters, selected fields, tags': ['GET /activities/'],
    'one activity': ['GET /activities/:activity_id'],
    'summaries of users': [
      'GET /activities/summary/user', 'GET /activities/admin/summary/:user_id',
      'GET /v1/users/:id/summary'
    ],
    'six kinds, each with its fields': [
      'GET /activities/api-transactions/', 'GET /activities/data-access/',
      'GET /activities/data-changes/', 'GET /activities/auth-events/',
      'GET /activities/external-api/', 'GET /activities/system-events/',
      'file:test/api/adapters/truledgr.test.ts', 'category:api', 'category:access',
      'category:change', 'category:auth', 'category:external', 'category:system'
    ],
    'a user\'s activities, for administrators': ['GET /activities/admin/users/:user_id/activities'],
    'types such as user_login and user_creation': ['action:user_login', 'action:user_creation'],
    'ids are ULIDs': ['file:src/api/adapters/ulid.ts'],
    'validation errors and business rules': ['GET /v1/events/:id/diff'],
    'corrections instead of updates': ['POST /v1/corrections'],
    'service calls': ['file:src/client/truledgr.ts', 'file:test/client/helpers.test.ts'],
    'API transactions logged by middleware': [
      'file:src/client/middleware.ts', 'file:src/client/fastify.ts',
      'file:test/client/calls.test.ts'
    ],
    'redaction of sensitive data': [
      'file:src/client/redact.ts', 'file:test/client/redact.test.ts'
    ],
    'webhook notifications': ['POST /v1/webhooks', 'file:test/worker/webhooks.test.ts'],
    'failed sign-ins, custom aggregations': ['GET /v1/sign-ins/failed', 'GET /v1/aggregations'],
    'next: full-text search': ['file:test/api/search.test.ts'],
    'next: CSV and JSON for compliance': ['POST /v1/exports'],
    'custom types': ['PUT /v1/schemas/:action', 'GET /v1/schemas'],
    'next: a live feed': ['GET /v1/events/stream', 'file:test/api/websocket.test.ts']
  }
}

function isThere (place: string): boolean {
  const [kind = '', name = ''] = place.split(/:(.*)/s)
  switch (kind) {
    case 'action': return CATALOGUE.has(name)
    case 'category': return CATEGORIES.some((category) => category === name)
    case 'file': return existsSync(path.join(root, name))
    default: return routes.has(place)
  }
}

t.test('everything that the five systems have has a place that exists', async (t) => {
  for (const [system, items] of Object.entries(PLACES)) {
    for (const [item, places] of Object.entries(items)) {
      t.strictSame(places.filter((place) => !isThere(place)), [], `${system}: ${item}`)
    }
  }
})

t.test('the README tells each system where it is', async (t) => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
  for (const system of Object.keys(PLACES)) t.match(readme, `**${system}**`)
})

import {
  answers, feature, immutable, knows, proven, refuses, says, type Feature
} from './probes.ts'

const LIST = 'GET /api/activity'
const ERASED = 'POST /v1/erasures'
const KNOWN = 'GET /v1/schemas'
const DOCUMENTED = 'Sovrium: the documented list, field for field'

export const SOVRIUM: Readonly<Record<string, Feature>> = {
  S1: feature('One log of all that anybody did', LIST,
    answers('/api/activity?pageSize=200', { activities: [{ id: /^act_/ }] })),
  S2: feature('An entry cannot be altered, and outlives whom it names', ERASED,
    immutable('/api/activity/act_{purged}'),
    answers('/api/activity/act_{purged}', { action: 'account.deletion.purged', user: null })),
  S3: feature('Records are created, updated, deleted and restored', KNOWN,
    knows('change', 'record.created', 'record.updated', 'record.deleted', 'record.restored')),
  S4: feature('Sign-in, sign-up, password reset, end of a session', KNOWN,
    knows('auth', 'auth.login', 'auth.signed_up', 'auth.password_reset', 'auth.session_revoked')),
  S5: feature('Users, roles, bans, schemas, deleting for good', KNOWN,
    knows('action', 'user.created', 'user.role_changed', 'user.banned', 'schema.published',
      'record.force_deleted')),
  S6: feature('Migrations; accounts to be deleted, and deleted', KNOWN,
    knows('system', 'migration.applied', 'account.deletion.scheduled',
      'account.deletion.purged')),
  S7: feature('An entry says what, to which record, when, and who', LIST,
    answers('/api/activity?table=orders&action=update', {
      activities: [{
        action: 'update',
        tableName: 'orders',
        recordId: 456,
        createdAt: '2025-01-15T10:30:00Z',
        user: { id: '1', name: 'Alice', email: 'alice@example.com' }
      }]
    })),
  S8: feature('Who was erased is null in a record that stays valid', ERASED,
    answers('/api/activity/act_{gone}', { action: 'delete', recordId: 9, user: null }),
    proven('api/adapters/hidden', 'an erased person is nobody in every shape of every system')),
  S9: feature('401 without a key, 403 without the role', LIST,
    refuses('/api/activity', 401), refuses('/api/activity', 403, 'acme.self'),
    refuses('/api/activity', 403, 'acme.admin')),
  S10: feature('A list by pages, of a table, of an action', LIST,
    answers('/api/activity?page=1&pageSize=20&table=orders&action=update', {
      activities: { length: 1 }, pagination: { total: 1, page: 1, pageSize: 20, totalPages: 1 }
    })),
  S11: feature('One entry in full', LIST,
    answers('/api/activity/act_{order}', {
      id: /^act_/, before: { status: 'open' }, after: { status: 'paid' }
    })),
  S12: feature('Parameters: page, pageSize, table, action', LIST,
    answers('/api/activity?page=2&pageSize=3', { pagination: { page: 2, pageSize: 3 } }),
    answers('/api/activity?action=restore', { activities: { length: 1 } }),
    refuses('/api/activity?page=0', 400, 'acme.auditor')),
  S13: feature('The documented answer', LIST, proven('api/adapters/activity', DOCUMENTED)),
  S14: feature('Entries follow a policy; those of erasures stay', ERASED,
    answers('/v1/retention-policies', { items: { length: 0 } }),
    proven('api/retention-policies',
      'what is previewed is removed; what was removed says by whom, and is proven'),
    answers('/v1/erasures/{erasure}', { state: 'executed' })),
  S15: feature('An erasure is itself in the log, the same to all who audit', ERASED,
    answers('/api/activity?action=ledger.erasure_executed', { pagination: { total: 1 } }),
    answers('/api/activity/act_{gone}', { user: null }, 'acme.compliance')),
  S16: feature('The documentation can be read as Markdown', '/docs.md',
    says('/docs.md', 'GET /api/activity'))
}

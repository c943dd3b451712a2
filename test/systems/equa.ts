import { answers, feature, knows, proven, says, takes, theirs, type Feature } from './probes.ts'

const LISTS = '/organizations/:organizationId'
const AT = '/organizations/acme'
const ONCE = 'POST /v1/events'
const AUDIT = '/v1/events/:id/diff'

export const EQUA: Readonly<Record<string, Feature>> = {
  E1: feature('Actions, event logs and tasks side by side', LISTS,
    answers(`${AT}/actions`, { items: [{ organization: 'acme' }] }),
    answers(`${AT}/event-logs`, { items: [{ organization: 'acme' }] }),
    answers(`${AT}/tasks`, { items: [{ status: /./ }] })),
  E2: feature('An action has an organisation, a type that is a UUID, and a user', LISTS,
    answers(`${AT}/actions?type=share_transfer`, {
      items: [{ organization: 'acme', type: /^[0-9a-f-]{36}$/, user: 'holder-1' }]
    })),
  E3: feature('An event log has an id, a type, a user, an organisation and any data', LISTS,
    answers(`${AT}/event-logs?type=share_transfer`, {
      items: [{
        id: /^[0-9a-f-]{36}$/,
        type: 'share_transfer',
        user: 'holder-1',
        organization: 'acme',
        data: { shares: 100 }
      }]
    }),
    knows('auth', 'login'), knows('change', 'share_transfer')),
  E4: feature('A task has an entity, a type and a status', LISTS,
    answers(`${AT}/tasks?type=OptionExercise`, {
      items: [{ entity: 'og-1', type: 'OptionExercise', status: 'requested' }]
    }),
    knows('task', 'option_exercise.progressed')),
  E5: theirs('Entities lie in a schema file', 'where Equa declares its tables'),
  E6: feature('What is done is on record before it is answered', ONCE,
    proven('ledger/ledger', 'with a receipt that the log confirms')),
  E7: feature('The dashboard of an organisation shows recent actions', LISTS,
    answers(`${AT}/actions?limit=2`, { items: { length: 2 }, nextCursor: /./ })),
  E8: feature('An index of the documentation for machines', '/llms.txt',
    says('/llms.txt', '/docs/equa.md')),
  E9: feature('A gap there: logs could be deleted', ONCE,
    proven('ledger/ledger', 'and replayed from the log: a stream, a tenant, from anywhere, to ' +
      'its end'),
    answers('/v1/events/{transfer}/raw', { id: /./, stream: /^acme\./ })),
  E10: feature('A gap there: not every change was covered', AUDIT,
    proven('client/calls', 'a call comes back from the ledger with what it was'),
    answers('/v1/events?category=change', { items: [{ category: 'change' }] })),
  E11: feature('A gap there: no states before and after', AUDIT,
    answers('/v1/events/{transfer}/diff', {
      changes: [{ path: '/shares', before: 500, after: 400 }]
    }),
    answers('/v1/entities/shareholding/sh-1/blame', {})),
  E12: feature('A gap there: no export for compliance', 'POST /v1/exports',
    takes('POST', '/v1/exports', { format: 'csv', action: 'share_transfer' }, {
      format: 'csv'
    }),
    proven('api/exports/exports', 'NDJSON and CSV say the same'))
}

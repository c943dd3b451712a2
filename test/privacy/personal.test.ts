import t from 'tap'
import type { EventInput } from '../../schemas/events/index.ts'
import type { TenantSettings } from '../../schemas/tenant.ts'
import { isPersonType, personalParts, subjectKey } from '../../src/privacy/personal.ts'
import { event, sam } from './order-event.ts'

const pathsOf = (event: EventInput, settings: TenantSettings = {}): Record<string, string[]> =>
  Object.fromEntries(personalParts(event, settings)
    .map(({ subject, paths }) => [`${subject.type} ${subject.id}`, paths.sort()]))

t.test('what of an event is whose', async (t) => {
  const base = { action: 'x', category: 'action', outcome: 'success' } as const
  const user = { type: 'user', id: 'u-1' } as const
  const rows: Array<{
    name: string, event: EventInput, settings?: TenantSettings, parts: Record<string, string[]>
  }> = [
    { name: 'a user', event: { ...base, actor: user }, parts: { 'user u-1': ['/actor/id'] } },
    {
      name: 'a service with an address',
      event: { ...base, actor: { type: 'service', id: 'u-1' }, context: { ip: '::1' } },
      parts: {}
    },
    {
      name: 'somebody unknown with an address, about a user',
      event: {
        ...base,
        actor: { type: 'anonymous' },
        entity: { type: 'user', id: 'u-1' },
        context: { ip: '::1', userAgent: 'curl', sessionId: 's', requestId: 'r' }
      },
      parts: {
        'user u-1': ['/entity/id', '/context/ip', '/context/userAgent', '/context/sessionId']
      }
    },
    {
      name: 'a user with an address, about another one',
      event: {
        ...base, actor: user, entity: { type: 'user', id: 'u-2' }, context: { ip: '::1' }
      },
      parts: { 'user u-1': ['/actor/id', '/context/ip'], 'user u-2': ['/entity/id'] }
    },
    { name: 'nobody', event: { ...base, actor: { type: 'anonymous' } }, parts: {} },
    {
      name: 'a user from somewhere',
      event: { ...base, actor: user, context: { ip: '::1', requestId: 'r' } },
      parts: { 'user u-1': ['/actor/id', '/context/ip'] }
    },
    {
      name: 'a user who changes himself',
      event: { ...base, actor: user, entity: { type: 'user', id: 'u-1', name: 'U' } },
      parts: { 'user u-1': ['/actor/id', '/entity/id', '/entity/name'] }
    },
    {
      name: 'two persons related',
      event: {
        ...base,
        actor: { type: 'system' },
        related: [
          { type: 'order', id: 'u-1' }, { type: 'patient', id: 'p' }, { type: 'user', id: 'p' }
        ]
      },
      parts: { 'patient p': ['/related/1/id'], 'user p': ['/related/2/id'] }
    },
    {
      name: 'a type the tenant counts as persons, instead of the default ones',
      event: {
        ...base,
        actor: { type: 'system' },
        entity: { type: 'driver', id: 'd' },
        related: [{ type: 'patient', id: 'p' }]
      },
      settings: { personTypes: ['driver'] },
      parts: { 'driver d': ['/entity/id'] }
    },
    {
      name: 'data sealed for the user who acts, except what is another one\'s',
      event,
      settings: { sealData: true },
      parts: {
        'user u-81': [
          '/actor/id', '/actor/name', '/actor/email', '/context/ip', '/context/userAgent',
          '/context/sessionId', '/data', '/before', '/after', '/changes', '/description'
        ],
        'student s-7': [
          '/related/1/id', '/related/1/name', '/data/studentName', '/data/pupils/0/name'
        ]
      }
    },
    {
      name: 'data sealed for the person it happened to when no user acts',
      event: { ...base, actor: { type: 'system' }, entity: sam, data: { a: 1 } },
      settings: { sealData: true },
      parts: { 'student s-7': ['/data', '/entity/id'] }
    },
    {
      name: 'data with nobody to seal it for',
      event: { ...base, actor: { type: 'system' }, related: [sam], data: { a: 1 } },
      settings: { sealData: true },
      parts: { 'student s-7': ['/related/0/id'] }
    },
    {
      name: 'what is declared as a whole stays with whom it was declared for',
      event: {
        ...base, actor: user, data: { a: 1 }, personal: [{ subject: sam, paths: ['/data'] }]
      },
      settings: { sealData: true },
      parts: { 'user u-1': ['/actor/id'], 'student s-7': ['/data'] }
    },
    {
      name: 'what is inside of what is sealed for the same subject',
      event: {
        ...base, actor: user, data: { a: 1 }, personal: [{ subject: user, paths: ['/data/a'] }]
      },
      settings: { sealData: true },
      parts: { 'user u-1': ['/data', '/actor/id'] }
    }
  ]
  for (const { name, event, settings, parts } of rows) {
    for (const paths of Object.values(parts)) paths.sort()
    t.strictSame(pathsOf(event, settings), parts, name)
  }
  t.ok(isPersonType('user', { personTypes: [] }), 'users act, so they are always persons')
  t.notOk(isPersonType('patient', { personTypes: [] }))
})

t.test('subjects are told apart by type and id', async (t) => {
  const subjects = [
    { type: 'a', id: 'b' }, { type: 'a', id: 'b","c' },
    { type: 'a","b', id: 'c' }, { type: 'b', id: 'a' }
  ]
  t.equal(new Set(subjects.map(subjectKey)).size, subjects.length)
})

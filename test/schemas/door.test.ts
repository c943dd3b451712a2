import fc from 'fast-check'
import t from 'tap'
import { checkEvent, checkEventBytes, takeEvent } from '../../schemas/door.ts'
import { CATEGORIES, EVENT_SCHEMAS } from '../../schemas/events/index.ts'
import { VIOLATIONS_MAX } from '../../schemas/json-faults.ts'
import {
  ACTION_MAX_LENGTH, CHANGES_MAX, DESCRIPTION_MAX_LENGTH, ENTITY_TYPE_MAX_LENGTH, EVENT_MAX_BYTES,
  ID_MAX_LENGTH, NAME_MAX_LENGTH, PERSONAL_MAX, PERSONAL_PATHS_MAX, POINTER_MAX_LENGTH, RELATED_MAX,
  TAG_MAX_LENGTH, TAGS_MAX
} from '../../schemas/primitives.ts'
import { event, type Members } from './event-arbitrary.ts'

const x = (length: number): string => 'x'.repeat(length)
const list = <T>(length: number, item: (n: number) => T): T[] =>
  Array.from({ length }, (_, n) => item(n))

const base = {
  action: 'order.updated',
  category: 'change',
  actor: { type: 'user', id: 'u-81' },
  entity: { type: 'order', id: '456' },
  outcome: 'success'
}

/** A member with the most that is allowed, the same one past it, and what is said about that. */
type Limit = [name: string, at: Members, past: Members, pointer: string, detail: string]

const actor = (rest: Members): Members => ({ actor: { type: 'user', id: 'u-81', ...rest } })
const entity = (rest: Members): Members => ({ entity: { type: 'order', id: '456', ...rest } })
const longer = (max: number): string => `is longer than ${max} characters`
const items = (max: number): string => `has more than ${max} items`
const student = { type: 'student', id: 's-7' }
const changes = (n: number): Members => ({ changes: list(n, () => ({ path: '/a', after: 1 })) })
const related = (n: number): Members => ({ related: list(n, () => ({ type: 'order', id: '1' })) })
const tags = (n: number): Members => ({ tags: list(n, String) })
const paths = (n: number): Members => ({
  data: { list: list(n, String) },
  personal: [{ subject: student, paths: list(n, (at) => `/data/list/${at}`) }]
})
const subjects = (n: number): Members => ({
  data: { list: list(n, String) },
  personal: list(n, (at) => ({ subject: student, paths: [`/data/list/${at}`] }))
})
const pointer = (length: number): Members => ({ changes: [{ path: `/${x(length - 1)}` }] })
const type = (length: number): Members => entity({ type: x(length) })

const limits: Limit[] = [
  ['action', { action: x(ACTION_MAX_LENGTH) }, { action: x(ACTION_MAX_LENGTH + 1) }, '/action',
    longer(128)],
  ['actor id', actor({ id: x(ID_MAX_LENGTH) }), actor({ id: x(ID_MAX_LENGTH + 1) }), '/actor/id',
    longer(256)],
  ['actor id, short', actor({ id: 'x' }), actor({ id: '' }), '/actor/id', 'is empty'],
  ['actor name', actor({ name: x(NAME_MAX_LENGTH) }), actor({ name: x(NAME_MAX_LENGTH + 1) }),
    '/actor/name', longer(256)],
  ['email', actor({ email: x(256) }), actor({ email: x(257) }), '/actor/email', longer(256)],
  ['entity type', type(ENTITY_TYPE_MAX_LENGTH), type(ENTITY_TYPE_MAX_LENGTH + 1), '/entity/type',
    longer(64)],
  ['entity name', entity({ name: x(256) }), entity({ name: x(257) }), '/entity/name', longer(256)],
  ['description', { description: x(DESCRIPTION_MAX_LENGTH) },
    { description: x(DESCRIPTION_MAX_LENGTH + 1) }, '/description', longer(4_096)],
  ['tags', tags(TAGS_MAX), tags(TAGS_MAX + 1), '/tags', items(32)],
  ['tag', { tags: [x(TAG_MAX_LENGTH)] }, { tags: [x(TAG_MAX_LENGTH + 1)] }, '/tags/0', longer(64)],
  ['tag, short', { tags: ['x'] }, { tags: [''] }, '/tags/0', 'is empty'],
  ['related', related(RELATED_MAX), related(RELATED_MAX + 1), '/related', items(20)],
  ['changes', changes(CHANGES_MAX), changes(CHANGES_MAX + 1), '/changes', items(1_000)],
  ['pointer', pointer(POINTER_MAX_LENGTH), pointer(POINTER_MAX_LENGTH + 1), '/changes/0/path',
    longer(512)],
  ['personal', subjects(PERSONAL_MAX), subjects(PERSONAL_MAX + 1), '/personal', items(20)],
  ['personal paths', paths(PERSONAL_PATHS_MAX), paths(PERSONAL_PATHS_MAX + 1),
    '/personal/0/paths', items(64)],
  ['personal paths, few', paths(1), paths(0), '/personal/0/paths', 'has fewer than 1 items'],
  ['ip', { context: { ip: x(64) } }, { context: { ip: x(65) } }, '/context/ip', longer(64)],
  ['ip, short', { context: { ip: '::' } }, { context: { ip: ':' } }, '/context/ip',
    'is shorter than 2 characters'],
  ['user agent', { context: { userAgent: x(1_024) } }, { context: { userAgent: x(1_025) } },
    '/context/userAgent', longer(1_024)],
  ['correlation', { correlationId: x(256) }, { correlationId: x(257) }, '/correlationId',
    longer(256)],
  ['status code', { category: 'api', data: { statusCode: 599 } },
    { category: 'api', data: { statusCode: 600 } }, '/data/statusCode', 'is more than 599'],
  ['duration', { category: 'api', data: { durationMs: 0 } },
    { category: 'api', data: { durationMs: -0.5 } }, '/data/durationMs', 'is less than 0']
]

t.test('every limit holds at it and one past it', async (t) => {
  for (const [name, at, past, pointer, detail] of limits) {
    t.strictSame(checkEvent({ ...base, ...at }), [], `${name}: at the limit`)
    t.strictSame(checkEvent({ ...base, ...past }), [{ pointer, detail }], `${name}: past it`)
  }
  t.strictSame(checkEventBytes(EVENT_MAX_BYTES), [])
  t.match(checkEventBytes(EVENT_MAX_BYTES + 1), [{ pointer: '', detail: /65537 .* at most 65536/ }])
})

const ACTORS = 'must be one of user, service, agent, system, anonymous'
const OUTCOMES = 'one of success, failure, denied'
const personal = (...paths: string[]): Members => ({ personal: [{ subject: student, paths }] })

/** What is sent, and where which sentence is said about it. */
const refusals: Array<[sent: unknown, pointer: string, detail: string | RegExp]> = [
  [null, '', /must be an object/], [[], '', /must be an object/], ['x', '', /must be an object/],
  [{ ...base, category: undefined }, '/category', /^is missing: one of action, auth, change/],
  [{ ...base, category: 'nope' }, '/category', /^must be one of action, auth/],
  [{ ...base, category: ['change'] }, '/category', /^must be one of action, auth/],
  [{ ...base, category: 'toString' }, '/category', /^must be one of action, auth/],
  [{ ...base, outcome: 'ok' }, '/outcome', `must be ${OUTCOMES}`],
  [{ ...base, action: 7 }, '/action', 'must be text'],
  [{ ...base, action: 'Order.Updated' }, '/action', /^does not match .*\(Dotted name/],
  [{ ...base, action: 'order.' }, '/action', /^does not match/],
  [{ ...base, action: 'ledger.read' }, '/action', /^starts with ledger\./],
  [{ ...base, ...entity({ type: 'ledger_key' }) }, '/entity/type', /^starts with ledger_/],
  [{ ...base, related: [{ type: 'ledger_x', id: '1' }] }, '/related/0/type', /^starts with ledger_/],
  [{
    ...base,
    description: 'x',
    personal: [
      { subject: { type: 'ledger_x', id: '1' }, paths: ['/description'] }
    ]
  }, '/personal/0/subject/type', /^starts with ledger_/],
  [{ ...base, foo: 1 }, '/foo', /^is not a known member: one of id, action, category, actor, /],
  [{ ...base, 'a/b~': 1 }, '/a~1b~0', /^is not a known member/],
  [{ ...base, id: '0198F000-0000-7000-8000-000000000000' }, '/id', 'must be: UUID, lower case'],
  [{ ...base, occurredAt: '2026-11-20' }, '/occurredAt', /^must be: RFC 3339, UTC/],
  [{ ...base, occurredAt: '2026-02-29T00:00:00Z' }, '/occurredAt', /^must be: RFC 3339/],
  [{ ...base, occurredAt: '2026-11-20T07:13:00.0001Z' }, '/occurredAt', /at most milliseconds/],
  [{ ...base, occurredAt: '2026-11-20T07:13:00+01:00' }, '/occurredAt', /^must be: RFC 3339/],
  [{ ...base, occurredAt: '2026-11-20T24:00:00Z' }, '/occurredAt', /^must be: RFC 3339/],
  [{ ...base, description: null }, '/description', 'must be text'],
  [{ ...base, tags: 'a' }, '/tags', 'must be an array'],
  [{ ...base, tags: ['a', 'b', 'a'] }, '/tags/2', 'is the same as tag 0'],
  [{ ...base, actor: undefined }, '/actor', 'is missing: an object is expected'],
  [{ ...base, actor: 'Alice' }, '/actor', 'must be an object'],
  [{ ...base, actor: {} }, '/actor/type', /^is missing: one of user, service, agent/],
  [{ ...base, actor: { type: 'robot', id: 'x' } }, '/actor/type', ACTORS],
  [{ ...base, actor: { type: 'user' } }, '/actor/id', 'is missing: text is expected'],
  [{ ...base, actor: { type: 'agent', id: 'a', email: 'a@b' } }, '/actor/email',
    'is not a known member: one of type, id, name can be given here'],
  [{ ...base, actor: { type: 'anonymous', id: 'x' } }, '/actor/id',
    'is not a known member: "type" can be given here'],
  [{ ...base, entity: { id: '1' } }, '/entity/type', 'is missing: text is expected'],
  [{ ...base, entity: { type: 'a b', id: '1' } }, '/entity/type', /^does not match/],
  [{ ...base, data: [] }, '/data', 'must be an object'],
  [{ ...base, data: { operation: 'upsert' } }, '/data/operation',
    'must be one of create, update, delete, restore'],
  [{ ...base, category: 'auth', data: { mfa: 'yes' } }, '/data/mfa', 'must be true or false'],
  [{ ...base, category: 'access', data: { rowCount: 1.5 } }, '/data/rowCount',
    'must be a whole number'],
  [{ ...base, category: 'api', data: { durationMs: '5' } }, '/data/durationMs', 'must be a number'],
  [{ ...base, context: { traceparent: 'x' } }, '/context/traceparent', /W3C Trace Context/],
  [{ ...base, changes: [{ path: 'status' }] }, '/changes/0/path', /^does not match/],
  [{ ...base, changes: [{ path: '' }] }, '/changes/0/path', /^does not match/],
  [{ ...base, changes: [{ path: '/a~2' }] }, '/changes/0/path', /^does not match/],
  [{ ...base, before: { a: 1 }, changes: [{ path: '/a', before: 2 }] }, '/changes/0/before',
    'is not what /before says'],
  [{ ...base, after: { a: [{ b: 1 }] }, changes: [{ path: '/a/0', after: { b: 2 } }] },
    '/changes/0/after', 'is not what /after says'],
  [{ ...base, ...personal('/data/a') }, '/personal/0/paths/0', 'points to nothing in this event'],
  [{ ...base, data: { a: [1] }, ...personal('/data/a/01') }, '/personal/0/paths/0', /to nothing/],
  [{ ...base, data: {}, ...personal('/data/toString') }, '/personal/0/paths/0', /to nothing/],
  ...['/actor', '/actor/id', '/entity/name', '/context/ip', '/tags/0', '/action', '/changes',
    '/changes/0/path', '/descriptions', '/database', '/personal/0'].map((path) => [
    { ...base, tags: ['a'], changes: [{ path: '/a', after: 1 }], ...personal(path) },
    '/personal/0/paths/0', /^must point to or into \/data/
  ] as [unknown, string, RegExp]),
  [{ ...base, data: { a: 1 }, ...personal('/data/a', '/data/a') }, '/personal/0/paths/1',
    'is the same place as /personal/0/paths/0'],
  [{ ...base, data: { a: { b: 1 } }, ...personal('/data/a/b', '/data/a') }, '/personal/0/paths/0',
    'lies inside the place that /personal/0/paths/1 names'],
  [{
    ...base,
    data: { a: 1 },
    personal: [student, student].map((subject) => (
      { subject, paths: ['/data/a'] }))
  }, '/personal/1/paths/0',
  'is the same place as /personal/0/paths/0']
]

t.test('every rule has a sentence at its place', async (t) => {
  for (const [sent, pointer, detail] of refusals) {
    const value = JSON.parse(JSON.stringify(sent))
    const [first, ...more] = checkEvent(value)
    const name = `${pointer} ${String(detail)}`
    t.equal(first?.pointer, pointer, name)
    if (typeof detail === 'string') t.equal(first?.detail, detail, name)
    else t.match(first?.detail, detail, name)
    t.strictSame(more, [], `${name}: nothing else`)
  }
})

t.test('what is right is taken', async (t) => {
  const taken: Members[] = [
    {}, { entity: undefined }, { before: null, after: [1] }, { data: { free: { goes: [null] } } },
    { actor: { type: 'system' } }, { actor: { type: 'anonymous' } },
    { occurredAt: '2028-02-29T23:59:59.999Z' }, { occurredAt: '2000-02-29T00:00:00Z' },
    { action: 'ledgers.read' }, { action: 'ledger' }, entity({ type: 'ledger' }),
    { before: { a: 1 }, after: { a: 2 }, changes: [{ path: '/a', before: 1, after: 2 }] },
    { before: { a: 1 }, changes: [{ path: '/b', before: 2 }, { path: '/a', after: 3 }] },
    { data: { a: 1, ab: 2, 'a-b': 3 }, ...personal('/data/a', '/data/ab', '/data/a-b') },
    { data: { list: [{ name: 'Sam' }] }, ...personal('/data/list/0/name') },
    { data: { 'a/b': { '~': 1 } }, ...personal('/data/a~1b/~0') },
    { data: { a: null }, description: 'x', ...personal('/data', '/description') },
    { before: {}, after: [], ...personal('/before', '/after') },
    { changes: [{ path: '/a', after: { n: 1 } }], ...personal('/changes/0/after/n') }
  ]
  for (const members of taken) {
    const value = JSON.parse(JSON.stringify({ ...base, ...members }))
    const copy = structuredClone(value)
    t.strictSame(checkEvent(value), [], JSON.stringify(members))
    t.strictSame(value, copy, 'and not altered')
  }
})

t.test('several violations come at once, at most so many', async (t) => {
  t.strictSame(checkEvent({ category: 'nope', actor: { type: 'user' }, outcome: 'ok', action: 'a' })
    .map(({ pointer }) => pointer).sort(), ['/actor/id', '/category', '/outcome'])
  const many = Object.fromEntries(list(5_000, (n) => [`k${n}`, n]))
  t.equal(checkEvent({ ...base, ...many }).length, VIOLATIONS_MAX)
  t.equal(checkEvent({ ...many, category: 'nope' }).length, VIOLATIONS_MAX)
  const reserved = { action: 'ledger.x', related: list(20, () => ({ type: 'ledger_x', id: '1' })) }
  t.equal(checkEvent({ ...base, ...reserved }).length, VIOLATIONS_MAX)
  const secret = checkEvent({ ...base, ...actor({ email: 7, secret: 'Alice', name: ['Alice'] }) })
  t.notMatch(JSON.stringify(secret), /Alice/)
})

t.test('bytes become an event or say why not', async (t) => {
  const taken = takeEvent(Buffer.from(JSON.stringify(base)))
  t.strictSame(taken, { ok: true, event: base })
  const fill = (length: number): Buffer =>
    Buffer.from(JSON.stringify({ ...base, data: { fill: x(length) } }))
  const room = EVENT_MAX_BYTES - fill(0).length
  t.ok(takeEvent(fill(room)).ok)
  t.match(takeEvent(fill(room + 1)), {
    ok: false, code: 'EVENT_TOO_LARGE', violations: [{ detail: /65537 bytes/ }]
  })
  t.match(takeEvent(Buffer.from('{"a":1,"a":1}')), {
    ok: false, code: 'INVALID_JSON', violations: [{ pointer: '/a' }]
  })
  t.match(takeEvent(Buffer.from('{}')), {
    ok: false, code: 'INVALID_EVENT', violations: [{ pointer: '/category' }]
  })
})

t.test('every valid event passes; a damaged one never crashes', async (t) => {
  t.strictSame([...CATEGORIES].sort(), Object.keys(EVENT_SCHEMAS).sort())
  fc.assert(fc.property(event, (valid) => {
    t.strictSame(takeEvent(Buffer.from(JSON.stringify(valid))), { ok: true, event: valid })
  }), { numRuns: 500 })

  fc.assert(fc.property(event, fc.array(fc.tuple(fc.nat(), fc.jsonValue({ maxDepth: 2 })), {
    minLength: 1, maxLength: 5
  }), (valid, damages) => {
    const damaged: Members = { ...valid }
    for (const [at, value] of damages) {
      const names = [...Object.keys(EVENT_SCHEMAS.change.properties), 'other']
      damaged[names[at % names.length] ?? ''] = value
    }
    const violations = checkEvent(JSON.parse(JSON.stringify(damaged)))
    t.ok(violations.every(({ pointer, detail }) => /^(\/|$)/.test(pointer) && detail.length > 5))
  }), { numRuns: 2_000 })
})

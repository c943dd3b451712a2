import fc from 'fast-check'
import t from 'tap'
import { checkEvent } from '../../../schemas/door.ts'
import { EVENT_SCHEMAS } from '../../../schemas/events/index.ts'
import { ID_MAX_LENGTH } from '../../../schemas/primitives.ts'
import { actionSchemaFaults } from '../../../schemas/vocabulary/action-schema.ts'
import { declarePersonal, misfits } from '../../../schemas/vocabulary/apply.ts'
import { CATALOGUE } from '../../../schemas/vocabulary/catalogue.ts'
import {
  checkData, SCHEMA_DEPTH_MAX, schemaFaults, type DataSchema
} from '../../../schemas/vocabulary/data-schema.ts'
import { narrowings, personalNarrowings } from '../../../schemas/vocabulary/narrowings.ts'
import { renderLine, templateFaults, VALUE_MAX_LENGTH } from
  '../../../schemas/vocabulary/template.ts'

t.test('data is checked as the schema says, naming every place', async (t) => {
  const schema: DataSchema = {
    type: 'object',
    required: ['title', 'gone'],
    additionalProperties: false,
    properties: {
      title: { type: 'string', minLength: 2, maxLength: 3 },
      'a/b': { type: ['integer', 'null'], minimum: 0, maximum: 9 },
      kind: { enum: ['x', 1, null] },
      list: { type: 'array', minItems: 1, maxItems: 2, items: { type: 'boolean' } }
    }
  }
  t.strictSame(schemaFaults(schema, '/data'), [])
  const fitting = { title: '😀é', gone: 0, 'a/b': null, kind: 1, list: [true] }
  t.strictSame(checkData(schema, fitting, ''),
    [{ pointer: '/gone', detail: 'is not a known member' }])
  const faults = checkData(schema, {
    title: 'long', 'a/b': 10, kind: 'y', list: [1, true], more: 1
  }, '/data')
  t.strictSame(faults.map(({ pointer }) => pointer), [
    '/data/gone', '/data/title', '/data/a~1b', '/data/kind', '/data/list/0', '/data/more'
  ])
  t.strictSame(checkData(schema, [], '/data'), [{ pointer: '/data', detail: 'must be object' }])
  t.match(checkData({ type: 'integer' }, 1.5, ''), [{ detail: 'must be integer' }])
  t.strictSame(checkData({ type: 'object', required: ['__proto__'] }, {}, '').length, 1)
  t.equal(checkData({ required: ['constructor'] }, {}, '').length, 1)
})

t.test('what is no schema is refused, naming every place', async (t) => {
  const deep = (levels: number): object => levels === 1 ? {} : { items: deep(levels - 1) }
  t.strictSame(schemaFaults(deep(SCHEMA_DEPTH_MAX), ''), [])
  t.equal(schemaFaults(deep(SCHEMA_DEPTH_MAX + 1), '').length, 1)
  for (const [schema, pointer] of [
    [{ type: 'text' }, '/type'], [{ type: [] }, '/type'], [{ pattern: '(a+)+' }, '/pattern'],
    [{ $ref: '#' }, '/$ref'], [{ required: 'a' }, '/required'], [{ enum: [{}] }, '/enum'],
    [{ minimum: 'a' }, '/minimum'], [{ maxLength: -1 }, '/maxLength'],
    [{ properties: { a: 1 } }, '/properties/a'], [{ items: [] }, '/items'], [1, ''],
    [{ additionalProperties: {} }, '/additionalProperties'], [{ constructor: 1 }, '/constructor']
  ] as const) {
    t.strictSame(schemaFaults(schema, '').map((fault) => fault.pointer), [pointer])
  }
  const wide = { properties: Object.fromEntries(Array.from({ length: 501 }, (_, i) => [i, {}])) }
  t.ok(schemaFaults(wide, '').length > 0)
})

t.test('a later schema that refuses what an earlier one took is found out', async (t) => {
  const before: DataSchema = {
    type: 'object', required: ['a'], properties: { a: { type: 'integer', maximum: 9 } }
  }
  const later: Array<[DataSchema, string[]]> = [
    [before, []],
    [{}, []],
    [{ type: ['object', 'null'] }, []],
    [{ ...before, required: [] }, []],
    [{ ...before, properties: { ...before.properties, b: { type: 'string' } } }, []],
    [{ properties: { a: { type: 'number', maximum: 10 } } }, []],
    [{ ...before, required: ['a', 'b'] }, ['/required']],
    [{ ...before, additionalProperties: false }, ['/additionalProperties']],
    [{ type: 'array' }, ['/type']],
    [{ properties: { a: { type: 'string' } } }, ['/properties/a/type']],
    [{ properties: { a: { maximum: 8 } } }, ['/properties/a/maximum']],
    [{ properties: { a: { minimum: 0 } } }, ['/properties/a/minimum']],
    [{ properties: { a: { enum: [1] } } }, ['/properties/a/enum']],
    [{ items: { type: 'string' } }, ['/items/type']]
  ]
  for (const [schema, pointers] of later) {
    t.strictSame(narrowings(before, schema, '').map(({ pointer }) => pointer), pointers)
  }
  t.equal(narrowings({ enum: [1, 2] }, { enum: [2, 3] }, '').length, 1)
  const closed: DataSchema = { additionalProperties: false, properties: { a: {} } }
  t.equal(narrowings(closed, { additionalProperties: false, properties: {} }, '').length, 1)
})

const TYPES = ['string', 'integer', 'number', 'object', 'array', 'null'] as const
const keyword: fc.Arbitrary<DataSchema> = fc.oneof(
  fc.record({ type: fc.subarray([...TYPES], { minLength: 1 }) }),
  fc.record({ enum: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 }) }),
  fc.record({ minimum: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ maxLength: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ required: fc.subarray(['a', 'b']) }),
  fc.record({ additionalProperties: fc.boolean() }))
const node = fc.tuple(keyword, keyword).map(([one, two]): DataSchema => ({ ...one, ...two }))
/** Pairs that differ in one place: on the outside, in a member that both have, or in items. */
const pairs = fc.tuple(node, node, fc.constantFrom('self', 'member', 'items')).map(
  ([one, other, place]) => [one, other].map((schema): DataSchema => {
    if (place === 'items') return { items: schema }
    return place === 'self' ? schema : { properties: { b: schema } }
  }) as [DataSchema, DataSchema])

t.test('what passes the earlier of two compatible schemas passes the later', async (t) => {
  const values = fc.oneof(fc.integer({ min: -1, max: 4 }), fc.string({ maxLength: 4 }),
    fc.constant(null), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 2 }),
    fc.record({ a: fc.integer(), b: fc.integer({ min: 0, max: 4 }) }, { requiredKeys: [] }))
  let compared = 0
  fc.assert(fc.property(pairs, values, ([earlier, later], value) => {
    if (narrowings(earlier, later, '').length > 0) return true
    if (checkData(earlier, value, '').length > 0) return true
    compared++
    return checkData(later, value, '').length === 0
  }), { numRuns: 2_000 })
  t.ok(compared > 20, `${compared} were compared`)
})

t.test('a template says an event in one line, whatever the event lacks', async (t) => {
  const event = {
    actor: { type: 'user', id: 'u-1', name: 'Alice' },
    entity: { type: 'order', id: '9' },
    action: 'order.updated',
    data: { title: 'Essay\non Kant', count: 3, done: false, list: ['a', 2], long: 'x'.repeat(999) }
  }
  const lines: Array<[string, string]> = [
    ['{actor} started grading {data.title}', 'Alice started grading Essay on Kant'],
    ['{data.count} {data.done} {data.list}', '3 false a, 2'],
    ['{data.missing} of {context.ip}', '— of —'],
    ['{data.long}', 'x'.repeat(VALUE_MAX_LENGTH) + '…'],
    ['{entity} {actor.id}', '9 u-1']
  ]
  for (const [template, line] of lines) t.equal(renderLine(template, event), line)
  t.equal(renderLine(undefined, event), 'Alice: order.updated 9')
  t.equal(renderLine(undefined, { ...event, entity: undefined }), 'Alice: order.updated')
  const erased = { ...event, actor: { type: 'user', erased: true }, data: { sealed: true } }
  t.equal(renderLine('{actor}: {data.title}', erased), 'somebody who was erased: —')
  t.equal(renderLine('{actor}', { actor: { type: 'anonymous' } }), 'anonymous')
})

t.test('a template that could never be filled in is refused', async (t) => {
  for (const wrong of ['{', 'a } b', '{}', '{nobody}', '{data}', '{data.}', '{data.a b}', 'a\nb',
    '{__proto__}', '{{actor}']) {
    t.equal(templateFaults(wrong, '/template').length > 0, true, wrong)
  }
  t.strictSame(templateFaults('{actor} {data.a-b.c_1} plain', ''), [])
})

t.test('what is personal is declared for producers that forget', async (t) => {
  const schema = {
    category: 'action' as const,
    personal: [{
      subject: { type: 'student', id: '/data/studentId' },
      paths: ['/data/studentName', '/data/grade']
    }]
  }
  const event = (more: object): any => ({ // eslint-disable-line @typescript-eslint/no-explicit-any
    action: 'graded', category: 'action', outcome: 'success', actor: { type: 'system' }, ...more
  })
  const sent = event({ data: { studentId: 's-1', studentName: 'Sue' } })
  const declare = (said: object, corrected?: object) =>
    declarePersonal(schema.personal, event(said), corrected)
  const personal = [{ subject: { type: 'student', id: 's-1' }, paths: ['/data/studentName'] }]
  t.match(declarePersonal(schema.personal, sent), { event: { personal }, unowned: [] })
  t.notOk('personal' in sent, 'what was sent is left as it is')
  const declared = {
    data: { studentId: 's-1', studentName: 'Sue' },
    personal: [{ subject: { type: 'user', id: 'u' }, paths: ['/data/studentName'] }]
  }
  t.match(declare(declared), { event: { personal: { length: 1 } } })
  const inside = (id: string): object => ({
    data: { studentId: 's-1', studentName: { first: 'Sue', last: 'Sun' } },
    personal: [{ subject: { type: 'student', id }, paths: ['/data/studentName/first'] }]
  })
  t.match(declare(inside('s-1')), { event: { personal: [{}, { paths: ['/data/studentName'] }] } })
  t.match(declare(inside('s-2')), { event: { personal: { length: 1 } } }, 'partly another\'s')
  t.match(declare({ data: { grade: 1 } }), { unowned: [{ pointer: '/data/studentId' }] })
  const corrected = { data: { studentId: 's-1' } }
  t.match(declare({ data: { studentName: 'Sue' } }, corrected), { event: { personal } })
  for (const studentId of ['', 7, null, 'x'.repeat(ID_MAX_LENGTH + 1)]) {
    const { event, unowned } = declare({ data: { studentId, studentName: 'Sue' } })
    t.equal(unowned.length, 1)
    t.notOk('personal' in event)
  }
  const plain = event({})
  t.equal(declarePersonal(schema.personal, plain).event, plain)
  t.match(misfits(schema, event({ category: 'auth' })), [{ pointer: '/category' }])
  t.strictSame(misfits(schema, plain), [])
})

t.test('what a rule says of the states is personal in changes too', async (t) => {
  const rules = [{
    subject: { type: 'user', id: '/entity/id' },
    paths: ['/before/mail', '/after/mail', '/after/a/b']
  }]
  const event = (changes: Array<{ path: string, before?: unknown, after?: unknown }>) => ({
    action: 'changed',
    category: 'change' as const,
    outcome: 'success' as const,
    actor: { type: 'system' as const },
    entity: { type: 'user', id: 'u-1' },
    changes
  })
  const declared = (...changes: Parameters<typeof event>[0]) =>
    declarePersonal(rules, event(changes)).event.personal?.flatMap(({ paths }) => paths)
  t.strictSame(declared({ path: '/mail', before: 'x', after: 'y' }),
    ['/changes/0/before', '/changes/0/after'])
  t.strictSame(declared({ path: '/mail', after: 'y' }), ['/changes/0/after'])
  t.strictSame(declared({ path: '/n', after: 1 }, { path: '/a/b/c', before: 'x', after: 'y' }),
    ['/changes/1/after'], 'inside, and only after it')
  t.strictSame(declared({ path: '/a', after: { b: 'y', c: 1 } }), ['/changes/0/after/b'])
  t.strictSame(declared({ path: '', after: { mail: 'y' } }), ['/changes/0/after/mail'])
  t.strictSame(declared({ path: '/mailbox', after: 'y' }, { path: '/a/bc', after: 1 }), undefined)
  const many = event(Array.from({ length: 1000 }, (_, n) => ({ path: `/a/b/${n}`, after: n })))
  const { personal } = declarePersonal(rules, many).event
  t.equal(personal?.flatMap(({ paths }) => paths).length, 1000)
  t.strictSame(checkEvent({ ...many, personal }), [])
})

t.test('a version that says otherwise what is whose is found out', async (t) => {
  const rule = (paths: string[], id = '/data/id') => ({ subject: { type: 'student', id }, paths })
  const before = [rule(['/data/a', '/data/b'])]
  t.strictSame(personalNarrowings(before, [rule(['/data/b']), rule(['/data/a'])]), [])
  t.strictSame(personalNarrowings(undefined, []), [])
  t.match(personalNarrowings(before, [rule(['/data/a'])]), [{ pointer: '/personal', detail: /b/ }])
  t.match(personalNarrowings(before, undefined), { length: 2 })
  const more = [...before, rule(['/data/c'])]
  t.match(personalNarrowings(before, more), [{ pointer: '/personal/1/paths/0', detail: /nobody/ }])
  const others = [rule(['/data/a', '/data/b'], '/data/other')]
  t.match(personalNarrowings(before, others), { length: 2 })
})

t.test('a rule of what is personal that no event could follow is refused', async (t) => {
  const faults = (personal: Array<{ subject: { type: string, id: string }, paths: string[] }>) =>
    actionSchemaFaults({ category: 'action', personal }).map(({ pointer }) => pointer)
  const subject = { type: 'student', id: '/data/id' }
  t.strictSame(faults([{ subject, paths: ['/data/a', '/data/ab', '/changes/0/after'] }]), [])
  t.strictSame(faults([{ subject, paths: ['/context/ip'] }]), ['/personal/0/paths/0'])
  t.strictSame(faults([{ subject, paths: ['/data/a'] }, { subject, paths: ['/data/a/b'] }]),
    ['/personal/0/paths/0', '/personal/1/paths/0'])
  t.strictSame(faults([{ subject, paths: ['/data/a', '/data/a'] }]).length, 2)
  t.strictSame(faults([{ subject: { ...subject, type: 'ledger_key' }, paths: ['/data/a'] }]),
    ['/personal/0/subject/type'])
})

t.test('the starter catalogue is sound and names what the systems name', async (t) => {
  for (const [action, schema] of CATALOGUE) {
    t.strictSame(actionSchemaFaults(schema as object as never), [], action)
    t.ok(schema.category in EVENT_SCHEMAS, action)
  }
  const coequal = ['assignment_created', 'user_assignment_created', 'assignment_input_created',
    'assignment_input_deleted', 'user_assignment_uploaded', 'user_assignment_grading_started',
    'user_assignment_evaluated', 'user_assignment_calibration_started',
    'user_assignment_calibration_skipped', 'user_assignment_calibrated',
    'user_assignment_exported', 'frontier_answer_generated', 'settings_updated']
  t.strictSame(coequal.filter((action) => !CATALOGUE.has(action)), [])
})

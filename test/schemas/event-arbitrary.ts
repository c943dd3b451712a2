import fc from 'fast-check'
import type { EventInput } from '../../schemas/events/index.ts'

export type Members = Record<string, unknown>

const id = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/)
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })

/** JSON that the door takes: safe numbers, no dangerous names, nothing that cannot be stored. */
const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true },
    fc.constant(null), fc.boolean(), fc.maxSafeInteger(), id,
    fc.integer({ min: -1e6, max: 1e6 }).map((cents) => cents / 100),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }))
})).value

const entity = fc.record({
  type: name.map((type) => `t${type}`), id, name: id
}, { requiredKeys: ['type', 'id'] })

const actor = fc.oneof(
  fc.record({ type: fc.constant('user' as const), id, name: id, email: id },
    { requiredKeys: ['type', 'id'] }),
  fc.record({ type: fc.constantFrom('service' as const, 'agent' as const), id, name: id },
    { requiredKeys: ['type', 'id'] }),
  fc.record({ type: fc.constant('system' as const), id, name: id }, { requiredKeys: ['type'] }),
  fc.constant({ type: 'anonymous' as const }))

const context = fc.record({
  ip: fc.ipV4(), userAgent: id, sessionId: id, requestId: id
}, { requiredKeys: [] })

/** Any event that is right, as JSON.parse gives it: members that were not sent are not there. */
export const event: fc.Arbitrary<EventInput> = fc.record({
  id: optional(fc.uuid()),
  action: fc.array(name.map((part) => `a${part}`), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('.')),
  category: fc.constantFrom(
    'action' as const, 'auth' as const, 'change' as const, 'access' as const, 'api' as const,
    'external' as const, 'system' as const, 'task' as const),
  actor,
  entity: optional(entity),
  related: optional(fc.array(entity, { maxLength: 3 })),
  outcome: fc.constantFrom('success' as const, 'failure' as const, 'denied' as const),
  occurredAt: optional(fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true
  }).map((date) => date.toISOString())),
  description: optional(fc.string({ maxLength: 100, unit: 'grapheme' })),
  tags: optional(fc.uniqueArray(id, { maxLength: 5 })),
  context: optional(context),
  before: optional(json),
  after: optional(json),
  // Names that no category gives a type to.
  data: optional(fc.dictionary(name.map((key) => `x_${key}`), json, { maxKeys: 5 })),
  personal: fc.constant(undefined),
  correlationId: optional(id)
}).map((members) => withPersonal(JSON.parse(JSON.stringify(members))))

/** Declares the members of `data` as somebody's, every other one. */
function withPersonal (made: EventInput): EventInput {
  const paths = Object.keys(made.data ?? {})
    .filter((_, at) => at % 2 === 0)
    .map((key) => `/data/${key}`)
  return paths.length === 0
    ? made
    : { ...made, personal: [{ subject: { type: 'student', id: 's-7' }, paths }] }
}

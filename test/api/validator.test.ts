import { Type, type TSchema } from '@sinclair/typebox'
import t from 'tap'
import { parseMoment } from '../../src/api/moment.ts'
import { preferredWaitS } from '../../src/api/prefer.ts'
import { refuseOrTake } from '../../src/api/validator.ts'

const Query = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
  deep: Type.Optional(Type.Boolean()),
  text: Type.Optional(Type.String({ minLength: 1 }))
}, { additionalProperties: false })

function take (schema: TSchema, httpPart: string, value: unknown): any { // eslint-disable-line
  return refuseOrTake({ schema, httpPart, method: 'GET', url: '/' })(value)
}

t.test('a query is converted where its schema asks for it, and then checked', async (t) => {
  const rows: Array<[object, object | string]> = [
    [{}, {}],
    [{ limit: '200', deep: 'true', text: '7' }, { limit: 200, deep: true, text: '7' }],
    [{ limit: '201' }, 'limit'],
    [{ limit: '0' }, 'limit'],
    [{ limit: '7.0' }, 'limit'],
    [{ limit: '1e2' }, 'limit'],
    [{ limit: '0x10' }, 'limit'],
    [{ limit: ' 7' }, 'limit'],
    [{ limit: '' }, 'limit'],
    [{ limit: '99999999999999999999' }, 'limit'],
    [{ limit: ['1', '2'] }, 'limit'],
    [{ deep: '1' }, 'deep'],
    [{ deep: 'TRUE' }, 'deep'],
    [{ text: '' }, 'text'],
    [{ text: 'a\u0000b' }, 'text'],
    [{ text: '\ud800' }, 'text'],
    [{ nope: '1' }, 'nope'],
    [{ __proto__: null, constructor: '1' }, 'constructor'],
    [JSON.parse('{"__proto__":"1"}'), '__proto__']
  ]
  for (const [given, wanted] of rows) {
    const { value, error } = take(Query, 'querystring', given)
    if (typeof wanted !== 'string') t.strictSame(value, wanted)
    else t.equal(error?.details.violations[0].pointer, wanted, JSON.stringify(given))
  }
})

t.test('a body is taken as it is or refused, never changed', async (t) => {
  const Body = Type.Object({ n: Type.Integer() }, { additionalProperties: false })
  const body = { n: 1 }
  t.equal(take(Body, 'body', body).value, body)
  for (const wrong of [{ n: '1' }, { n: 1.5 }, { n: 1, m: 2 }, {}, [], 'x', 1, undefined]) {
    const { error } = take(Body, 'body', wrong)
    t.match(error, { code: 'INVALID_REQUEST' }, JSON.stringify(wrong))
    t.ok(error.details.violations[0].detail)
  }
})

t.test('unknown headers are none of our business, known ones are checked', async (t) => {
  const Headers = Type.Object({
    'ledger-at-least': Type.Optional(Type.String({ pattern: '^[0-9]+$' }))
  })
  t.ok(take(Headers, 'headers', { host: 'x', 'ledger-at-least': '7' }).value)
  t.ok(take(Headers, 'headers', { 'ledger-at-least': '-7' }).error)
})

t.test('a moment is a revision, a position or a time that has come', async (t) => {
  const now = Date.parse('2026-11-20T12:00:00Z')
  const at = (text?: string) => parseMoment({ name: 'at', text }, now)
  t.strictSame(at(), { kind: 'latest' })
  t.strictSame(at('7'), { kind: 'revision', revision: 7n })
  t.strictSame(at('revision:0'), { kind: 'revision', revision: 0n })
  t.strictSame(at('position:12'), { kind: 'position', position: 12n })
  t.strictSame(at('2026-11-20T12:00:00Z'),
    { kind: 'time', time: '2026-11-20T12:00:00Z', axis: 'recorded' })
  for (const wrong of ['2026-11-20T12:00:00.001Z', '2026-11-20', '2026-02-30T00:00:00Z', '07', '-1',
    'position:', 'tip', '2026-11-20T12:00:00+01:00', '9'.repeat(30)]) {
    t.throws(() => at(wrong), { code: 'INVALID_REQUEST' }, wrong)
  }
})

t.test('a preference to wait is understood, capped, or ignored if it is none', async (t) => {
  const rows: Array<[string | undefined, number | undefined]> = [
    ['wait=5', 5], ['wait=30', 30], ['wait=31', 30], ['wait=0', 0], ['WAIT=5', 5],
    ['respond-async, wait=10', 10], ['wait="7"; foo=bar', 7], ['wait=1, wait=9', 1],
    [undefined, undefined], ['', undefined], ['wait', undefined], ['wait=-1', undefined],
    ['wait=abc', undefined], ['await=5', undefined], ['wait=5x', undefined]
  ]
  for (const [header, wanted] of rows) t.equal(preferredWaitS(header), wanted, String(header))
})

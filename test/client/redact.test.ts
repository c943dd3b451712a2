import fc from 'fast-check'
import t from 'tap'
import { REDACTED, redact } from '../../src/client/redact.ts'
import { TEXT_MAX } from '../../src/client/redact-text.ts'

const SECRET = 'hunter2-hunter2'
const NAMES = ['password', 'userPassword', 'PASSWORD', 'passwd', 'pwd', 'token', 'access_token',
  'refreshToken', 'idtoken', 'Authorization', 'proxy-authorization', 'cookie', 'Set-Cookie',
  'client_secret', 'secret', 'apiKey', 'x-api-key', 'X-API-KEY', 'privateKey', 'credentials',
  'cardNumber', 'credit_card', 'cvv', 'cvc', 'pin', 'otp', 'ssn', 'CSRF', 'session_id', 'jwt']
const HARMLESS = ['id', 'name', 'author', 'shipping', 'spinner', 'company', 'keyboard', 'opinion',
  'status', 'total', 'currency', 'monkey', 'expansion']

/** Frozen to the bottom, so that whoever writes to it throws. */
function frozen<T> (value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(frozen)
    Object.freeze(value)
  }
  return value
}

const harmlessName = fc.constantFrom(...HARMLESS)
const harmless: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' },
    fc.constant(null), fc.boolean(), fc.integer(), fc.constantFrom('x', 'two words', '', '42'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(harmlessName, tie('value'), { maxKeys: 4, noNullPrototype: true }))
})).value

t.test('members with secret names go, whatever their spelling; null stays null', async (t) => {
  for (const name of NAMES) {
    t.strictSame(redact({ [name]: SECRET }), { [name]: REDACTED }, name)
    t.strictSame(redact({ [name]: { deep: [SECRET] } }), { [name]: REDACTED }, name)
    t.strictSame(redact({ [name]: null }), { [name]: null }, name)
  }
  for (const name of HARMLESS) t.strictSame(redact({ [name]: 'x y' }), { [name]: 'x y' }, name)
})

t.test('what has no secret comes back equal, and is never touched', async (t) => {
  fc.assert(fc.property(harmless, (value) => {
    t.strictSame(redact(frozen(value)), value)
  }))
})

t.test('a secret does not survive anywhere, and twice is once', async () => {
  const planted = fc.tuple(harmless, fc.constantFrom(...NAMES), fc.array(harmlessName))
  fc.assert(fc.property(planted, ([value, name, way]) => {
    const secret: unknown = { [name]: SECRET, beside: value }
    const whole = way.reduce<unknown>((inner, at) => ({ [at]: [inner, value] }), secret)
    const once = redact(frozen(whole))
    return way.length > 15 || (!JSON.stringify(once).includes(SECRET) &&
      JSON.stringify(redact(once)) === JSON.stringify(once))
  }))
  fc.assert(fc.property(fc.json(), (text) => {
    const once = redact(frozen(JSON.parse(text)))
    return JSON.stringify(redact(once)) === JSON.stringify(once)
  }))
})

t.test('what is secret inside a text goes, and the rest of it stays', async (t) => {
  const rows: Array<[string, string]> = [
    ['Authorization: Bearer abc.def-123456', 'Authorization: Bearer [redacted]'],
    ['Basic dXNlcjpwYXNz', 'Basic [redacted]'],
    ['user=a&password=b%20c&x=1', 'user=a&password=[redacted]&x=1'],
    ['/callback?access_token=abc#x', '/callback?access_token=[redacted]'],
    ['{"user":"a","password":"b\\"c","n":1}', '{"user":"a","password":"[redacted]","n":1}'],
    ['{"pin": 1234}', '{"pin": "[redacted]"}'],
    ['card 4111 1111 1111 1111 12/29.', 'card [redacted] 12/29.'],
    ['paid with 4111111111111111.', 'paid with [redacted].'],
    ['12 5500-0000-0000-0004', '12 [redacted]'],
    ['order 4111111111111112', 'order 4111111111111112'],
    ['0.4111111111111111', '0.4111111111111111'],
    ['postgres://app:s3cret@db/x', 'postgres://app:[redacted]@db/x'],
    ['https://example.com/a:b@c', 'https://example.com/a:b@c'],
    ['eyJhbGciOi.eyJzdWIi.c2ln', '[redacted]'],
    ['key al_live_01H_abcDEF_9', 'key [redacted]'],
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----', '[redacted]'],
    ['2026-11-20T07:13:00.000Z', '2026-11-20T07:13:00.000Z'],
    ['0198c0de-0000-7000-8000-000000000001', '0198c0de-0000-7000-8000-000000000001'],
    ['a=b', 'a=b'], ['Basic English lessons', 'Basic [redacted] lessons']
  ]
  for (const [text, shown] of rows) t.equal(redact(text), shown)
})

t.test('keys and paths are added, names are kept, the replacement is chosen', async (t) => {
  const value = { a: { ssnLike: 1, b: [{ c: 2 }, { c: 3 }] }, tokenCount: 4, 'x/y': 5 }
  t.strictSame(
    redact(value, {
      keys: ['SSN_LIKE'], paths: ['/a/b/*/c', '/x~1y'], keep: ['token_count'], replacement: '*'
    }),
    { a: { ssnLike: '*', b: [{ c: '*' }, { c: '*' }] }, tokenCount: 4, 'x/y': '*' })
  t.strictSame(redact(value, { paths: ['/a'] }), {
    a: REDACTED, tokenCount: REDACTED, 'x/y': 5
  })
})

t.test('what is no JSON is answered too', async (t) => {
  const cyclic: Record<string, unknown> = { n: 1 }
  cyclic['self'] = [cyclic, cyclic]
  t.strictSame(redact(cyclic), { n: 1, self: [REDACTED, REDACTED] })
  const at = new Date(0)
  t.strictSame(redact({ at, map: new Map([['password', SECRET]]), url: new URL('http://u:p@h/') }),
    { at, map: REDACTED, url: 'http://u:[redacted]@h/' })
  const hostile = redact(JSON.parse('{"__proto__":{"password":"x"},"constructor":1}'))
  t.equal(JSON.stringify(hostile), '{"__proto__":{"password":"[redacted]"},"constructor":1}')
  t.equal(redact(undefined), undefined)
  t.equal(redact('x'.repeat(TEXT_MAX)), 'x'.repeat(TEXT_MAX))
  t.equal(redact('x'.repeat(TEXT_MAX + 1)), REDACTED)
})

t.test('no text takes long', async (t) => {
  const pieces = ['-eyJ', 'a.', '1 ', '1-', '"a":"\\"', '{"', 'Bearer ', '-----BEGIN ', 'al_',
    'x=', '&=', 'sk-', '://a:', '\\"', '"', 'a', '1', ' ', '4111 ']
  for (const piece of pieces) {
    const text = piece.repeat(Math.floor(TEXT_MAX / piece.length))
    const started = process.cpuUsage()
    redact(text)
    const { user } = process.cpuUsage(started)
    t.ok(user < 1_500_000, `${JSON.stringify(piece)}: ${user} µs`)
  }
})

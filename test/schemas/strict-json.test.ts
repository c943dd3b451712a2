import fc from 'fast-check'
import t from 'tap'
import { splitJson, splitNdjson } from '../../schemas/bodies.ts'
import { VIOLATIONS_MAX } from '../../schemas/json-faults.ts'
import { DEPTH_MAX, KEYS_MAX } from '../../schemas/primitives.ts'
import { parseStrictJson } from '../../schemas/strict-json.ts'

const nested = (depth: number, inside = ''): string =>
  '['.repeat(depth) + inside + ']'.repeat(depth)
const members = (count: number): string =>
  `{${Array.from({ length: count }, (_, n) => `"k${n}":${n}`).join()}}`

t.test('what can be kept is parsed as it is', async (t) => {
  const texts = [
    'null', 'true', '0', '-0', '""', '[]', '{}', ' \t\r\n{ "a" : [ 1 , 2 ] } \n',
    '9007199254740991', '-9007199254740991', '0.1', '1e3', '-1.5E-7', '9.007199254740991e15',
    '5e-324', '1.0000000000000000', '0.00000000000000000000001', '100000000000000000000e-10',
    '0.10000000000000001', '123456789.12345678', '0e5', '12.50000000000000000000',
    '"\\u00e9 \\n \\" \\\\ \\ud83d\\ude00"', '"Zürich 😀 \ufffd"', '{"a:b":"c:d"}', '{"":1}',
    '{"a":1,"A":2,"b":{"a":1}}', '{"constructors":1,"proto":2}', '"__proto__"', '"\\\\u0000"',
    '[{"e":1},{"E":2}]', nested(DEPTH_MAX), members(KEYS_MAX),
    '"' + '['.repeat(100) + '"', '"' + '\\"'.repeat(100) + '"'
  ]
  for (const text of texts) {
    const name = text.slice(0, 40)
    t.strictSame(parseStrictJson(Buffer.from(text)), { ok: true, value: JSON.parse(text) }, name)
  }
})

t.test('what would be lost, changed or misread is refused, with its place', async (t) => {
  const rows: Array<[text: string | Buffer, pointer: string, detail: RegExp]> = [
    ['{"a":1,"a":1}', '/a', /twice/],
    ['{"a":{"b":[0,{"c":1,"d":2,"c":3}]}}', '/a/b/1/c', /twice/],
    ['{"a":1,"\\u0061":2}', '/a', /twice/],
    ['{"a/b~c":1,"a/b~c":2}', '/a~1b~0c', /twice/],
    ['{"é":1,"é":2}', '/é', /twice/],
    ['{"":1,"":2}', '/', /twice/],
    ['{"a":{"__proto__":{}}}', '/a/__proto__', /__proto__ is not taken/],
    ['{"\\u005f_proto__":1}', '/__proto__', /not taken/],
    ['[{"constructor":1}]', '/0/constructor', /not taken/],
    ['{"prototype":1}', '/prototype', /not taken/],
    ['{"n":9007199254740992}', '/n', /2\^53/],
    ['{"n":-9007199254740992}', '/n', /2\^53/],
    ['[1,12345678901234567890]', '/1', /2\^53/],
    ['{"n":1e21}', '/n', /2\^53/],
    ['{"n":1.7976931348623157e308}', '/n', /2\^53/],
    ['{"n":123456789.123456789}', '/n', /rounded to 123456789\.12345679/],
    ['{"n":1e400}', '/n', /too large/],
    ['{"n":-1e400}', '/n', /too large/],
    ['{"n":1e-400}', '/n', /rounded to 0/],
    ['{"n":0.123456789012345678901}', '/n', /rounded to 0\.12345678901234568/],
    ['{"n":3.14159265358979323846264}', '/n', /rounded/],
    ['"\\ud800"', '', /surrogate/],
    ['{"a":["x\\udc00"]}', '/a/0', /surrogate/],
    ['{"\\ud800":1}', '/\ud800', /name of this member.*surrogate/],
    ['{"a":"\\u0000"}', '/a', /U\+0000/],
    ['{"a\\u0000b":1}', '/a\0b', /name of this member.*U\+0000/],
    [nested(DEPTH_MAX + 1), '/0'.repeat(DEPTH_MAX), /deeper than 32/],
    ['{"a":' + nested(DEPTH_MAX) + '}', '/a' + '/0'.repeat(DEPTH_MAX - 1), /deeper than 32/],
    ['['.repeat(1_000_000), '/0'.repeat(DEPTH_MAX), /deeper than 32/],
    ['{"a":'.repeat(100_000), '/a'.repeat(DEPTH_MAX), /deeper than 32/],
    [members(KEYS_MAX + 1), '', /more than 4096 members/],
    [Buffer.from([0x22, 0xff, 0x22]), '', /not UTF-8/],
    [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), '', /not UTF-8/],
    [Buffer.from([0x22, 0xc0, 0x80, 0x22]), '', /not UTF-8/],
    [Buffer.from([0xc3]), '', /not UTF-8/],
    [Buffer.from('{}', 'utf16le'), '', /not JSON/],
    ['\ufeff{}', '', /byte order mark/],
    ['', '', /empty/], ['  \n', '', /empty/],
    ['{', '', /not JSON/], ['{"a":1,}', '', /not JSON/], ['[1,]', '', /not JSON/],
    ['NaN', '', /not JSON/], ['Infinity', '', /not JSON/], ['01', '', /not JSON/],
    ['{} {}', '', /not JSON/], ["{'a':1}", '', /not JSON/], ['"a\nb"', '', /not JSON/],
    ['// x\n{}', '', /not JSON/], ['"\\x"', '', /not JSON/], ['"\\u12"', '', /not JSON/]
  ]
  for (const [text, pointer, detail] of rows) {
    const name = String(text).slice(0, 40)
    t.match(parseStrictJson(Buffer.from(text)), { ok: false, violations: [{ detail }] }, name)
    const answer = parseStrictJson(Buffer.from(text))
    t.equal(!answer.ok && answer.violations[0]?.pointer, pointer, name)
  }
})

t.test('several faults are reported at once, so many at most, none with its value', async (t) => {
  const several = parseStrictJson(Buffer.from('{"a":1e999,"b":{"__proto__":1},"a":"\\u0000"}'))
  t.match(several, {
    ok: false, violations: [{ pointer: '/a' }, { pointer: '/b/__proto__' }, { pointer: '/a' }]
  })
  const many = parseStrictJson(Buffer.from(`[${'1e999,'.repeat(VIOLATIONS_MAX + 5)}0]`))
  t.equal(!many.ok && many.violations.length, VIOLATIONS_MAX)
  const broken = parseStrictJson(Buffer.from('{"name":"Alice Secret" "x":1}'))
  t.notMatch(JSON.stringify(broken), /Alice|Secret/)
})

t.test('limits can be others', async (t) => {
  t.ok(parseStrictJson(Buffer.from(nested(3)), { depthMax: 3 }).ok)
  t.notOk(parseStrictJson(Buffer.from(nested(4)), { depthMax: 3 }).ok)
  t.ok(parseStrictJson(Buffer.from(members(3)), { keysMax: 3 }).ok)
  t.notOk(parseStrictJson(Buffer.from(members(4)), { keysMax: 3 }).ok)
})

t.test('any JSON comes through, with any white space; anything else never throws', async (t) => {
  const safe = fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.stringify(value))
    .filter((text) => !/__proto__|constructor|prototype|\\u0000|\de\+|\d{16}(?![\d.e])/.test(text))
  fc.assert(fc.property(safe, fc.constantFrom(0, 1, '\t'), (text, space) => {
    const spaced = JSON.stringify(JSON.parse(text), undefined, space)
    t.strictSame(parseStrictJson(Buffer.from(spaced)), { ok: true, value: JSON.parse(text) })
  }), { numRuns: 500 })

  const piece = fc.constantFrom(
    '{', '}', '[', ']', ',', ':', '"', '\\', '\\u', '0', '9', '-', '.', 'e', 'a', ' ', '"a"',
    'null', '\ud83d', '\0', '__proto__', '"a":', '1e999')
  fc.assert(fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
    const text = pieces.join('')
    const answer = parseStrictJson(Buffer.from(text))
    if (answer.ok) t.strictSame(answer.value, JSON.parse(Buffer.from(text).toString()))
    else t.ok(answer.violations.length > 0)
  }), { numRuns: 5_000 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    t.type(parseStrictJson(Buffer.from(bytes)).ok, 'boolean')
  }), { numRuns: 2_000 })
})

t.test('NDJSON is split at line feeds, with the lines an editor would show', async (t) => {
  const lines = (text: string, max?: number): Array<[number, string]> =>
    splitNdjson(Buffer.from(text), max).map(({ line, bytes }) => [line, bytes.toString()])
  t.strictSame(lines('{"a":1}\n{"b":2}\n'), [[1, '{"a":1}'], [2, '{"b":2}']])
  t.strictSame(lines('\n{}\r\n  \t\r\n\r\n[]'), [[2, '{}'], [5, '[]']])
  t.strictSame(lines(''), [])
  t.strictSame(lines('\r\n\n \n'), [])
  t.strictSame(lines('{"a":"é\\n"}\u2028x\n{}'), [[1, '{"a":"é\\n"}\u2028x'], [2, '{}']])
  t.equal(lines('1\n'.repeat(5), 5).length, 5)
  t.equal(lines('1\n'.repeat(500), 5).length, 6, 'one more than allowed tells too many')
  const ends = fc.constantFrom('\n', '\r\n', '\n\n')
  fc.assert(fc.property(fc.array(fc.jsonValue()), ends, (items, end) => {
    const text = items.map((item) => JSON.stringify(item) + end).join('')
    t.strictSame(lines(text).map(([, line]) => line), items.map((item) => JSON.stringify(item)))
  }))
})

t.test('a JSON array is split into its elements, each with its own bytes', async (t) => {
  const split = (text: string, max?: number): unknown => {
    const answer = splitJson(Buffer.from(text), max)
    return answer.ok ? [answer.many, answer.items.map(String)] : answer.violations[0]?.detail
  }
  t.strictSame(split('{"a":1}'), [false, ['{"a":1}']])
  t.strictSame(split('[]'), [true, []])
  t.strictSame(split(' [ ] \n'), [true, []])
  t.strictSame(split('[{"a":[1,"]"]}, {"b":"\\",["}]'),
    [true, ['{"a":[1,"]"]}', ' {"b":"\\",["}']])
  t.strictSame(split('[1,]'), [true, ['1', '']], 'what is missing is refused as the element it is')
  t.strictSame(split('[,1]'), [true, ['', '1']])
  t.strictSame(split('[1'), 'is an array without an end')
  t.strictSame(split('["]'), 'is an array without an end')
  t.strictSame(split('[1}'), 'is an array closed by }')
  t.strictSame(split('[1] 2'), 'goes on after the end of its array')
  t.strictSame(split('[1][2]'), 'goes on after the end of its array')
  t.strictSame(split('[1,2]', 2), [true, ['1', '2']])
  t.strictSame(split('[' + '1,'.repeat(500), 2), [true, ['1', '1', '1']], 'too many end it early')
  fc.assert(fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 1, '\t'), (items, space) => {
    const text = JSON.stringify(items, undefined, space)
    const answer = splitJson(Buffer.from(text))
    const parsed = answer.ok && answer.items.map((item) => JSON.parse(String(item)))
    t.strictSame(parsed, JSON.parse(text))
  }), { numRuns: 300 })
})

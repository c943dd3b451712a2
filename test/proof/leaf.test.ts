import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { FormatError } from '../../src/proof/format.ts'
import {
  canonicalJson, leafData, leafHash, parseCanonical, parseLeafData
} from '../../src/proof/leaf.ts'
import { sectionsOf, verifyOpening } from '../../src/proof/section.ts'

/** The published documents of RFC 8785: input, and its canonical form. */
const DOCUMENTS: Array<[name: string, input: string, output: string]> = [
  ['arrays', '[\n  56,\n  {\n    "d": true,\n    "10": null,\n    "1": [ ]\n  }\n]',
    '[56,{"1":[],"10":null,"d":true}]'],
  ['french', '{"peach": "This sorting order","péché": "is wrong according to French",' +
    '"pêche": "but canonicalization MUST","sin":   "ingnore locale"}',
  '{"peach":"This sorting order","péché":"is wrong according to French",' +
    '"pêche":"but canonicalization MUST","sin":"ingnore locale"}'],
  ['structures', '{"1": {"f": {"f": "hi","F": 5} ,"\\n": 56.0},"10": { },"": "empty","a": { },' +
    '"111": [ { } ],"A": { }}',
  '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}'],
  ['unicode', '{"Unnormalized Unicode":"\\u1e0d\\u0307"}',
    '{"Unnormalized Unicode":"\u1e0d\u0307"}'],
  ['values', '{"numbers": [1E30, 4.50, 333333333.33333329, 2e-3, 0.000000000000000000000000001],' +
    '"escaping": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/",' +
    '"literals": [null, true, false]}',
  '{"escaping":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/","literals":[null,true,false],' +
    '"numbers":[1e+30,4.5,333333333.3333333,0.002,1e-27]}'],
  ['weird', '{"\\u20ac": "Euro Sign","1": "One","\\u0080": "Control\\u007f",' +
    '"\\ud83d\\ude02": "Smiley","\\u00f6": "Latin Small Letter O With Diaeresis",' +
    '"\\ufb33": "Hebrew Letter Dalet With Dagesh","</script>": "Browser Challenge"}',
  '{"1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f",' +
    '"\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign",' +
    '"\u{1f602}":"Smiley","\ufb33":"Hebrew Letter Dalet With Dagesh"}']
]

/** The numbers of RFC 8785 appendix B: IEEE 754 bits, and their only spelling. */
const NUMBERS: Array<[bits: string, text: string]> = [
  ['0000000000000000', '0'], ['8000000000000000', '0'], ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'], ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'], ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'], ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'], ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'], ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'], ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'], ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'], ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'], ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'], ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2']
]

const EVENT = {
  id: '01939393-0000-7000-8000-000000000001',
  stream: 'acme.order-4',
  revision: 3n,
  type: 'order.updated',
  data: { v: 1, after: { b: 1, a: '\u20ac' } }
}

t.test('the published documents of RFC 8785 come out', async (t) => {
  for (const [name, input, output] of DOCUMENTS) {
    t.equal(canonicalJson(JSON.parse(input)), output, name)
    t.throws(() => parseCanonical(input, name), FormatError, `${name} as it was is not canonical`)
    t.strictSame(parseCanonical(output, name), JSON.parse(input))
  }
})

t.test('the published numbers of RFC 8785 come out', async (t) => {
  for (const [bits, text] of NUMBERS) {
    t.equal(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE()), text, bits)
  }
  for (const bits of ['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000']) {
    t.throws(() => canonicalJson(Buffer.from(bits, 'hex').readDoubleBE()), `${bits}: no JSON`)
  }
  t.throws(() => canonicalJson('\ud83d'), 'a lone surrogate')
  t.throws(() => canonicalJson(undefined), TypeError)
})

t.test('leaf data is canonical and hashes as RFC 6962 says', async (t) => {
  const leaf = leafData(EVENT)
  t.equal(leaf, '{"data":{"after":{"a":"\u20ac","b":1},"v":1},' +
    '"id":"01939393-0000-7000-8000-000000000001","revision":"3",' +
    '"stream":"acme.order-4","type":"order.updated"}')
  t.equal(leafHash('').toString('hex'),
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
  t.strictSame(parseLeafData(leaf), EVENT)
})

t.test('any JSON is the same leaf after being parsed and written again', async (t) => {
  fc.assert(fc.property(fc.jsonValue(), (data) => {
    // -0 is 0 in JSON.
    const clean: unknown = JSON.parse(JSON.stringify(data))
    const leaf = leafData({ ...EVENT, data: clean })
    t.strictSame(parseLeafData(leaf).data, clean)
    return leafData(parseLeafData(leaf)) === leaf
  }))
})

t.test('exactly what RFC 8785 writes is taken for canonical', async (t) => {
  const accepts = (text: string) => succeeds(() => parseCanonical(text, 'text'))
  const isCanonical = (text: string) =>
    succeeds(() => { if (canonicalJson(JSON.parse(text)) !== text) throw new Error(text) })
  const keys = fc.oneof(fc.string({ maxLength: 3, unit: 'binary' }), fc.nat(20).map(String),
    fc.constantFrom('__proto__', 'toJSON', 'constructor', '\ud83d', '\ufb33', '\u{1f602}'))
  const values = fc.object({ key: keys, maxDepth: 2, values: [fc.double(), keys, fc.boolean()] })
  let [taken, refused] = [0, 0]
  fc.assert(fc.property(values, fc.boolean(), (value, sort) => {
    const canBe = sort && succeeds(() => canonicalJson(value))
    const text = canBe ? canonicalJson(value) : JSON.stringify(value)
    if (isCanonical(text)) taken++
    else refused++
    return accepts(text) === isCanonical(text)
  }), { numRuns: 800 })
  t.ok(taken > 100 && refused > 100, `${taken} texts taken, ${refused} refused`)
  for (const text of ['"\\ud83d"', '"\\\\ud83d"', '{"10":1,"9":2}', '{"9":2,"10":1}', '-0', '1E2',
    '{"a":1,"a":1}', '"\\u000a"', '"\\n"', '"\\u001f"', '"\\u001F"', '"/"', '"\\/"', '[1, 2]']) {
    t.equal(accepts(text), isCanonical(text), text)
  }
})

function succeeds (deed: () => unknown): boolean {
  try {
    deed()
    return true
  } catch {
    return false
  }
}

t.test('leaf data in any other form is refused', async (t) => {
  const leaf = leafData(EVENT)
  for (const text of [
    '', '[]', 'null', '{}', ` ${leaf}`, leaf.replace('"id"', '"ID"'), leaf.slice(0, -1),
    leaf.replace('"3"', '3'), leaf.replace('"3"', '"03"'), leaf.replace('"3"', '"-1"'),
    leaf.replace('"v":1', '"v":1.0'), leaf.replace('"v":1', '"v":1,"v":1'),
    leaf.replace('{"data"', '{"a":1,"data"'), leaf.replace('\u20ac', '\\u20ac'),
    leaf.replace('"3"', `"${2n ** 63n}"`), `{"data":${'['.repeat(60_000)}`
  ]) t.throws(() => parseLeafData(text), FormatError, text.slice(0, 80))
  t.doesNotThrow(() => parseLeafData(leaf.replace('"3"', `"${2n ** 63n - 1n}"`)))
})

t.test('shown values are those that were sealed, or not', async (t) => {
  const r = Buffer.alloc(32, 1)
  const plain = { '/context/ip': '192.0.2.1', '/actor/id': 'u-1' }
  const commit = createHmac('sha256', r).update(canonicalJson(plain)).digest('base64url')
  const section = { ref: 'x', paths: ['/actor/id', '/context/ip'], commit }
  const shown = { ref: 'x', plain, r: r.toString('base64url') }
  t.strictSame(sectionsOf({ sealed: [{ ...section, iv: '', ct: '' }] }), [section])
  t.ok(verifyOpening(section, shown))
  for (const other of [
    { ...shown, r: Buffer.alloc(32, 2).toString('base64url') },
    { ...shown, r: r.subarray(1).toString('base64url') },
    { ...shown, r: '' },
    { ...shown, plain: { ...plain, '/actor/id': 'u-2' } },
    { ...shown, plain: { '/actor/id': 'u-1' } },
    { ...shown, plain: {} }
  ]) t.notOk(verifyOpening(section, other))
  t.notOk(verifyOpening({ ...section, paths: ['/actor/id'] }, shown))
  for (const data of [undefined, null, 1, [], {}, { sealed: {} }, { sealed: [1, null, {}] }]) {
    t.strictSame(sectionsOf(data), [])
  }
})

import fc from 'fast-check'
import t from 'tap'
import { createApiKey, parseApiKey, sameHash } from '../../src/api/api-key.ts'

const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array))

/** Keys of every value that chance could give. */
const key = fc.tuple(bytes(11), bytes(32)).map(([id, secret]) =>
  createApiKey('test', (length) => length === id.length ? id : secret))

t.test('a key says its environment and id, and its hash is found again', async () => {
  fc.assert(fc.property(key, ({ text, id, hash }) => {
    const parsed = parseApiKey(text)
    return parsed !== undefined && parsed.environment === 'test' && parsed.id === id &&
      sameHash(parsed.hash, hash) && text.length === 75
  }))
})

t.test('a key with one wrong character is no key', async () => {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  fc.assert(fc.property(key, fc.nat(74), fc.nat(61), ({ text }, at, digit) => {
    const wrong = text.slice(0, at) + digits.charAt(digit) + text.slice(at + 1)
    return wrong === text || parseApiKey(wrong) === undefined
  }))
})

t.test('a key with two characters exchanged is no key', async () => {
  fc.assert(fc.property(key, fc.nat(73), ({ text }, at) => {
    const [one, other] = [text.charAt(at), text.charAt(at + 1)]
    const wrong = text.slice(0, at) + other + one + text.slice(at + 2)
    return wrong === text || parseApiKey(wrong) === undefined
  }))
})

t.test('any other text is no key', async (t) => {
  fc.assert(fc.property(fc.string(), (text) => parseApiKey(text) === undefined))
  const { text } = createApiKey('live')
  for (const wrong of ['', ' ' + text, text + '\n', text.toUpperCase(), text.repeat(2)]) {
    t.equal(parseApiKey(wrong), undefined, JSON.stringify(wrong))
  }
})

t.test('two keys have nothing in common, and an odd environment is refused', async (t) => {
  const [one, other] = [createApiKey('live'), createApiKey('live')]
  t.not(one.id, other.id)
  t.notOk(sameHash(one.hash, other.hash))
  t.notOk(sameHash(one.hash, one.hash.subarray(1)))
  t.ok(createApiKey('a'.repeat(16)))
  for (const wrong of ['', 'a'.repeat(17), 'Live', 'a_b']) {
    t.throws(() => createApiKey(wrong), RangeError)
  }
})

import { createDecipheriv, createHmac, hkdfSync, randomBytes, randomUUID } from 'node:crypto'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import t from 'tap'
import {
  findTag, openSection, provesCommit, revealSection, sealSection, SectionTampered,
  type SubjectKey
} from '../../src/privacy/cipher.ts'
import { pooledRandom } from '../../src/privacy/random.ts'

const place = { tenant: 'acme', stream: 'acme.order-1', id: randomUUID() }
const newKey = (): SubjectKey => ({ ref: randomUUID(), dataKey: randomBytes(32) })
const plain = { '/actor/id': 'u-81', '/actor/name': 'Alice', '/context/ip': '192.0.2.7' }

/** JSON as it comes out of JSON.parse: no -0, no undefined. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)))
const plains = fc.dictionary(fc.string().map((text) => '/' + text), json, { noNullPrototype: true })

t.test('what was sealed opens to the same values', async (t) => {
  fc.assert(fc.property(plains, (plain) => {
    const key = newKey()
    t.strictSame(openSection(key.dataKey, place, sealSection(key, place, plain)), plain)
  }))
})

t.test('a section is what it is documented to be', async (t) => {
  const key = newKey()
  const section = sealSection(key, place, plain)
  t.strictSame(section.paths, ['/actor/id', '/actor/name', '/context/ip'])
  t.equal(section.ref, key.ref)

  const ct = Buffer.from(section.ct, 'base64url')
  const iv = Buffer.from(section.iv, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key.dataKey, iv)
  decipher.setAAD(Buffer.from(JSON.stringify([place.tenant, place.stream, place.id, key.ref])))
  decipher.setAuthTag(ct.subarray(-16))
  const text = decipher.update(ct.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8')
  const { r } = JSON.parse(text)
  t.equal(text, canonicalize({ plain, r }), 'canonical JSON of plain and r')
  t.equal(Buffer.from(r, 'base64url').length, 32)
  t.equal(section.commit, createHmac('sha256', Buffer.from(r, 'base64url'))
    .update(canonicalize(plain) ?? '').digest('base64url'))

  const findKey = Buffer.from(hkdfSync('sha256', key.dataKey, '', 'audit-ledger find', 32))
  t.strictSame(section.find, {
    '/context/ip': createHmac('sha256', findKey).update('/context/ip\x00192.0.2.7').digest()
      .subarray(0, 16).toString('base64url')
  })
})

t.test('shown values and r prove the commitment, nothing else does', async (t) => {
  const key = newKey()
  const section = sealSection(key, place, plain)
  const shown = revealSection(key.dataKey, place, section)
  t.strictSame(shown.plain, plain)
  t.ok(provesCommit(section.commit, shown.plain, shown.r))
  t.notOk(provesCommit(section.commit, { ...plain, '/actor/id': 'u-82' }, shown.r))
  t.notOk(provesCommit(section.commit, plain, randomBytes(32).toString('base64url')))
  t.notOk(provesCommit(section.commit, plain, shown.r + 'AA'), 'r of another length')
  t.notOk(provesCommit('', plain, shown.r))
})

t.test('a section opens only under its key, at its place, as it was', async (t) => {
  const key = newKey()
  const other = newKey()
  const section = sealSection(key, place, plain)
  const twin = sealSection(key, place, { ...plain, '/actor/id': 'u-82' })
  const ct = Buffer.from(section.ct, 'base64url')
  const flipped = (at: number): string => {
    const bytes = Buffer.from(ct)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    return bytes.toString('base64url')
  }
  const attempts: Array<{ name: string, run: () => unknown }> = [
    { name: 'another key', run: () => openSection(other.dataKey, place, section) },
    ...Object.keys(place).map((member) => ({
      name: `another ${member}`,
      run: () => openSection(key.dataKey, { ...place, [member]: 'acme.order-2' }, section)
    })),
    ...[
      { name: 'another ref', change: { ref: other.ref } },
      { name: 'another commit', change: { commit: twin.commit } },
      { name: 'another iv', change: { iv: twin.iv } },
      { name: 'another ciphertext', change: { ct: twin.ct } },
      { name: 'the whole inside of another section', change: { ct: twin.ct, iv: twin.iv } },
      { name: 'other paths', change: { paths: ['/actor/id', '/actor/name', '/before'] } },
      { name: 'paths run together', change: { paths: ['/actor/id,/actor/name', '/context/ip'] } },
      { name: 'fewer paths', change: { paths: ['/actor/id'] } },
      { name: 'an empty ciphertext', change: { ct: '' } },
      { name: 'a tag alone', change: { ct: ct.subarray(-16).toString('base64url') } },
      { name: 'a shortened tag', change: { ct: ct.subarray(0, -1).toString('base64url') } },
      { name: 'an empty iv', change: { iv: '' } },
      { name: 'a flipped first bit', change: { ct: flipped(0) } },
      { name: 'a flipped bit of the tag', change: { ct: flipped(ct.length - 1) } }
    ].map(({ name, change }) => ({
      name, run: () => openSection(key.dataKey, place, { ...section, ...change })
    }))
  ]
  for (const { name, run } of attempts) {
    t.throws(run, SectionTampered, name)
  }
  t.strictSame(openSection(key.dataKey, place, section), plain)
})

t.test('the place is bound without ambiguity', async (t) => {
  const key = newKey()
  const section = sealSection(key, { tenant: 'a', stream: 'b|c', id: 'd' }, plain)
  t.throws(() => openSection(key.dataKey, { tenant: 'a|b', stream: 'c', id: 'd' }, section))
  const quoted = sealSection(key, { tenant: 'a', stream: 'b","c', id: 'd' }, plain)
  t.throws(() => openSection(key.dataKey, { tenant: 'a","b', stream: 'c', id: 'd' }, quoted))
})

t.test('the same values never look the same twice, except to who searches for them', async (t) => {
  const key = newKey()
  const sections = Array.from({ length: 50 }, () => sealSection(key, place, plain))
  for (const member of ['iv', 'ct', 'commit'] as const) {
    t.equal(new Set(sections.map((section) => section[member])).size, 50, member)
  }
  t.equal(new Set(sections.map(({ find }) => find?.['/context/ip'])).size, 1)
})

t.test('find tags tell subjects, places and values apart', async (t) => {
  const [one, two] = [newKey().dataKey, newKey().dataKey]
  const tags = [
    findTag(one, '/context/ip', '192.0.2.7'), findTag(two, '/context/ip', '192.0.2.7'),
    findTag(one, '/context/sessionId', '192.0.2.7'), findTag(one, '/context/ip', '192.0.2.8')
  ]
  t.equal(new Set(tags).size, tags.length)
  t.equal(findTag(Buffer.from(one), '/context/ip', '192.0.2.7'), tags[0], 'from an equal key')
  t.equal(Buffer.from(tags[0] ?? '', 'base64url').length, 16)
  t.equal(sealSection(newKey(), place, { '/actor/id': 'u-81' }).find, undefined)
  t.equal(sealSection(newKey(), place, { '/context/ip': 7 }).find, undefined, 'texts only')
})

t.test('random bytes come once', async (t) => {
  const seen = new Set(Array.from({ length: 1_000 }, () => pooledRandom(44).toString('hex')))
  t.equal(seen.size, 1_000)
  t.equal(pooledRandom(8_192).length, 8_192)
  t.throws(() => pooledRandom(8_193), RangeError)
})

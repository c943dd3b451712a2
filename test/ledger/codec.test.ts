import assert from 'node:assert/strict'

import fc from 'fast-check'
import t, { type Test } from 'tap'

import { LedgerError } from '../../src/errors.ts'
import { decode, encode, encodedLeafHash, isExactly, type Encoded } from '../../src/ledger/codec.ts'
import { contentMatches } from '../../src/ledger/matches.ts'
import { personalParts } from '../../src/privacy/personal.ts'
import { leafData, leafHash } from '../../src/proof/leaf.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { LEAF_MAX_BYTES } from '../../schemas/primitives.ts'
import type { DecodedEvent, Recorded } from '../../schemas/recorded.ts'
import type { TenantSettings } from '../../schemas/tenant.ts'
import { memoryVault, type MemoryVault } from './memory-vault.ts'

const ID = '0198aaaa-0000-7000-8000-000000000001'
const RECORDED_AT = '2026-11-20T07:13:00.123Z'
const MINIMAL: EventInput = {
  action: 'order.updated', category: 'change', actor: { type: 'system' }, outcome: 'success'
}

async function encodeFor (
  vault: MemoryVault, event: EventInput, settings: TenantSettings = {}
): Promise<Encoded> {
  const parts = personalParts(event, settings)
  const keys = await vault.provision('acme', parts.map(({ subject }) => subject))
  return encode({
    event, tenant: 'acme', source: 'shop', id: ID, recordedAt: RECORDED_AT, parts, keys
  })
}

/** What the log gives back: the data has been text in between. */
function recordedFrom ({ event, stream }: Encoded, changes: Partial<Recorded> = {}): Recorded {
  const data: unknown = JSON.parse(event.json)
  const { id, type, metadata } = event
  const place = { stream, revision: 7n, position: 900n, prepare: 900n }
  return { id, type, data, metadata, ...place, ...changes }
}

function decodedFrom (encoded: Encoded): DecodedEvent {
  const decoded = decode(recordedFrom(encoded))
  if (!decoded.ok) throw new assert.AssertionError({ message: decoded.reason })
  return decoded.event
}

async function holds (t: Test, property: fc.IAsyncProperty<[EventInput, TenantSettings]>) {
  await t.resolves(fc.assert(property, { numRuns: 300 }))
}

const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const json = fc.jsonValue({ maxDepth: 2 })
const actor: fc.Arbitrary<EventInput['actor']> = fc.oneof(
  fc.record({ type: fc.constant('user' as const), id: word, name: word, email: word },
    { requiredKeys: ['type', 'id'], noNullPrototype: true }),
  fc.record({ type: fc.constantFrom('service' as const, 'agent' as const), id: word, name: word },
    { requiredKeys: ['type', 'id'], noNullPrototype: true }),
  fc.constant({ type: 'anonymous' as const }),
  fc.record({ type: fc.constant('system' as const), id: word },
    { requiredKeys: ['type'], noNullPrototype: true })
)
const entity = fc.record({
  type: fc.constantFrom('order', 'student', 'user', 'a-b.c'), id: word, name: word
}, { requiredKeys: ['type', 'id'], noNullPrototype: true })
const events: fc.Arbitrary<EventInput> = fc.record({
  action: fc.constantFrom('order.updated', 'auth.login_failed'),
  category: fc.constantFrom('action' as const, 'change' as const),
  actor,
  outcome: fc.constantFrom('success' as const, 'denied' as const),
  entity,
  related: fc.array(entity, { maxLength: 3 }),
  occurredAt: fc.constant('2026-11-19T00:00:00Z'),
  description: word,
  tags: fc.array(word, { maxLength: 3 }),
  context: fc.record({ ip: fc.constant('10.0.0.1'), requestId: word },
    { requiredKeys: [], noNullPrototype: true }),
  before: json,
  after: json,
  data: fc.dictionary(fc.constantFrom('a', 'b', 'secret'), json, { noNullPrototype: true }),
  personal: fc.constant([{ subject: { type: 'student', id: 's-7' }, paths: ['/data/secret'] }]),
  correlationId: word,
  causationId: word
}, { requiredKeys: ['action', 'category', 'actor', 'outcome'], noNullPrototype: true })
const settings: fc.Arbitrary<TenantSettings> = fc.constantFrom(
  {}, { sealData: true }, { personTypes: ['order'] }, { personTypes: [] })

t.test('what was encoded can be decoded, and its leaf hash is that of the log', async (t) => {
  const vault = memoryVault()
  await holds(t, fc.asyncProperty(events, settings, async (event, chosen) => {
    const encoded = await encodeFor(vault, event, chosen)
    const recorded = recordedFrom(encoded)
    const decoded = decode(recorded)
    assert.ok(decoded.ok)
    assert.deepEqual(decoded.event.leafHash, encodedLeafHash(encoded, 7n))
    assert.deepEqual(decoded.event.leafHash, leafHash(leafData(recorded)))
    assert.equal(decoded.event.correlationId, event.correlationId)
    assert.equal(decoded.event.causationId, event.causationId)
    assert.equal(decoded.event.data.occurredAt, event.occurredAt ?? RECORDED_AT)
    assert.ok(isExactly(recorded, encoded))
  }))
})

t.test('the same content matches, before and after everybody is erased', async (t) => {
  const vault = memoryVault()
  await holds(t, fc.asyncProperty(events, settings, async (event, chosen) => {
    const decoded = decodedFrom(await encodeFor(vault, event, chosen))
    assert.equal(await contentMatches(event, decoded, vault), true)
    vault.eraseAll()
    assert.equal(await contentMatches(event, decoded, vault), true)
  }))
})

t.test('one other value, sealed or in clear, is other content', async (t) => {
  const base: EventInput = {
    ...MINIMAL,
    actor: { type: 'user', id: 'u-1', name: 'Alice', email: 'a@example.com' },
    entity: { type: 'student', id: 's-1', name: 'Bob' },
    related: [{ type: 'invoice', id: '9' }, { type: 'student', id: 's-2' }],
    context: { ip: '10.0.0.1', requestId: 'r' },
    occurredAt: '2026-11-19T00:00:00Z',
    description: 'd',
    tags: ['t'],
    before: { a: 1 },
    after: { a: 2 },
    changes: [{ path: '/a', before: 1, after: 2 }],
    data: { secret: 'x', open: 1 },
    personal: [{ subject: { type: 'student', id: 's-7' }, paths: ['/data/secret'] }],
    correlationId: 'c',
    causationId: 'd'
  }
  const others: Array<Partial<EventInput>> = [
    { action: 'order.created' }, { category: 'action' }, { outcome: 'failure' },
    { actor: { type: 'user', id: 'u-2', name: 'Alice', email: 'a@example.com' } },
    { actor: { type: 'user', id: 'u-1', name: 'Alicf', email: 'a@example.com' } },
    { actor: { type: 'user', id: 'u-1', name: 'Alice' } },
    { actor: { type: 'service', id: 'u-1', name: 'Alice' } },
    { entity: { type: 'student', id: 's-2', name: 'Bob' } },
    { entity: { type: 'employee', id: 's-1', name: 'Bob' } },
    { related: [] }, { related: [{ type: 'invoice', id: '9' }, { type: 'student', id: 's-3' }] },
    { related: [{ type: 'invoice', id: '8' }, { type: 'student', id: 's-2' }] },
    { context: { ip: '10.0.0.2', requestId: 'r' } }, { context: { ip: '10.0.0.1' } },
    { occurredAt: '2026-11-19T00:00:01Z' }, { description: 'e' }, { tags: ['t', 'u'] },
    { before: null }, { after: { a: 3 } }, { changes: [{ path: '/a', before: 1 }] },
    { data: { secret: 'y', open: 1 } }, { data: { secret: 'x', open: 2 } }, { data: { open: 1 } },
    { correlationId: 'x' }, { causationId: 'x' }
  ]
  for (const chosen of [{}, { sealData: true }]) {
    const vault = memoryVault()
    const decoded = decodedFrom(await encodeFor(vault, base, chosen))
    t.equal(await contentMatches(base, decoded, vault), true)
    for (const other of others) {
      t.equal(await contentMatches({ ...base, ...other }, decoded, vault), false,
        JSON.stringify(other))
    }
    const { correlationId, ...without } = base
    t.equal(await contentMatches(without, decoded, vault), false, 'a member less')
  }
})

t.test('a time that the producer leaves to the ledger is not compared', async (t) => {
  const vault = memoryVault()
  const sent = { ...MINIMAL, occurredAt: '2026-11-19T00:00:00Z' }
  t.equal(await contentMatches(MINIMAL, decodedFrom(await encodeFor(vault, sent)), vault), true)
  t.equal(await contentMatches(sent, decodedFrom(await encodeFor(vault, MINIMAL)), vault), false)
})

t.test('the record has members only where they were sent, in canonical order', async (t) => {
  const { event, stream, bytes } = await encodeFor(memoryVault(), MINIMAL)
  t.equal(event.json, '{"actor":{"type":"system"},"category":"change",' +
    `"occurredAt":"${RECORDED_AT}","outcome":"success","recordedAt":"${RECORDED_AT}",` +
    '"source":"shop","tenant":"acme","v":1}')
  t.equal(bytes, event.json.length)
  t.equal(stream, 'acme.source-shop')
  t.notOk('metadata' in event)
})

t.test('no personal value is in what leaves, not even in the name of the stream', async (t) => {
  const canary = 'canary-7f3a'
  const encoded = await encodeFor(memoryVault(), {
    ...MINIMAL,
    actor: { type: 'user', id: canary + 1, name: canary + 2, email: canary + 3 },
    entity: { type: 'student', id: canary + 4, name: canary + 5 },
    related: [{ type: 'person', id: canary + 6 }],
    context: { ip: canary + 7, userAgent: canary + 8, sessionId: canary + 9 },
    data: { secret: canary },
    personal: [{ subject: { type: 'student', id: 'x' }, paths: ['/data/secret'] }]
  })
  t.notMatch(JSON.stringify({ json: encoded.event.json, stream: encoded.stream }), canary)
})

t.test('leaf data may have its last byte and not one more', async (t) => {
  const room = async (length: number): Promise<Encoded> =>
    await encodeFor(memoryVault(), { ...MINIMAL, data: { text: 'x'.repeat(length) } })
  const empty = await room(0)
  const frame = leafData(recordedFrom(empty, { revision: 2n ** 63n - 1n })).length
  const most = LEAF_MAX_BYTES - frame
  const largest = await room(most)
  const leaf = leafData(recordedFrom(largest, { revision: 2n ** 63n - 1n }))
  t.equal(Buffer.byteLength(leaf), LEAF_MAX_BYTES)
  await t.rejects(room(most + 1), new LedgerError('EVENT_TOO_LARGE',
    `event ${ID}: its record has ${LEAF_MAX_BYTES + 1} bytes, more than ${LEAF_MAX_BYTES}`))
})

t.test('what could not be read back is not written', async (t) => {
  const tags = { ...MINIMAL, tags: ['a', 'b'] }
  const personal = [{ subject: { type: 'student', id: 'x' }, paths: ['/tags/0'] }]
  await t.rejects(encodeFor(memoryVault(), { ...tags, personal }), { code: 'INVALID_EVENT' })
})

t.test('what is not ours, or not right, is told apart, and nothing throws', async (t) => {
  const encoded = await encodeFor(memoryVault(), { ...MINIMAL, entity: { type: 'order', id: '1' } })
  const good = recordedFrom(encoded)
  const data = (changes: object): Partial<Recorded> =>
    ({ data: { ...JSON.parse(encoded.event.json), ...changes } })
  const rows: Array<[string, Partial<Recorded>]> = [
    ['FOREIGN_EVENT', { stream: 'order-1' }], ['FOREIGN_EVENT', { stream: '$settings' }],
    ['FOREIGN_EVENT', { stream: 'ACME.order-1' }], ['FOREIGN_EVENT', { data: 'text' }],
    ['FOREIGN_EVENT', { data: null }], ['FOREIGN_EVENT', { data: undefined }],
    ['FOREIGN_EVENT', { data: new Uint8Array(4) }], ['FOREIGN_EVENT', { data: { some: 1 } }],
    ['FOREIGN_EVENT', { data: [] }], ['UNKNOWN_VERSION', data({ v: 2 })],
    ['UNKNOWN_VERSION', data({ v: '1' })], ['MALFORMED', data({ category: 'none' })],
    ['MALFORMED', data({ surprise: 1 })], ['MALFORMED', data({ occurredAt: 'yesterday' })],
    ['MALFORMED', data({ tenant: 'other' })], ['MALFORMED', { stream: 'other.order-1' }],
    ['MALFORMED', { stream: 'acme.order-2' }], ['MALFORMED', { type: 'Order Updated' }],
    ['MALFORMED', { id: 'no-uuid' }], ['MALFORMED', data({ after: '\ud800' })]
  ]
  for (const [code, changes] of rows) {
    const decoded = decode({ ...good, ...changes })
    t.match(decoded, { ok: false, code }, JSON.stringify(changes))
    t.notOk(!decoded.ok && /yesterday|surprise":1/.test(decoded.reason), 'no values in reasons')
  }
  t.match(decode(good), { ok: true })
  t.match(decode({ ...good, metadata: 'text' }), { ok: true, event: { correlationId: undefined } })
  t.match(decode({ ...good, metadata: { $correlationId: 7 } }), {
    ok: true, event: { correlationId: undefined }
  })
})

import assert from 'node:assert/strict'

import fc from 'fast-check'
import t, { type Test } from 'tap'

import { parseStream, streamName, streamOf, tenantPrefix } from '../../src/ledger/streams.ts'

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
const nasty = fc.array(fc.constantFrom(
  '-', '~', '.', '%', '$', ' ', '\0', '\n', '/', '@', '%2D', '!', '*', "'", '(', ')', 'ß', '🦉', 'A'
), { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''))
const part = fc.oneof(text, nasty)
const streamKey = fc.record({ tenant: part, type: part, key: part }, { noNullPrototype: true })

function holds (t: Test, property: fc.IRawProperty<unknown>): void {
  t.doesNotThrow(() => { fc.assert(property, { numRuns: 2_000 }) })
}

t.test('a stream name can be read back, whatever it was made of', async () => {
  holds(t, fc.property(streamKey, (given) => {
    assert.deepEqual(parseStream(streamName(given)), given)
  }))
})

t.test('two entities never share a stream', async () => {
  holds(t, fc.property(streamKey, streamKey, (one, other) => {
    const same = JSON.stringify(one) === JSON.stringify(other)
    assert.equal(streamName(one) === streamName(other), same)
  }))
})

t.test('a name is printable ASCII, its category has no hyphen, its tenant no dot', async () => {
  holds(t, fc.property(streamKey, ({ tenant, type, key }) => {
    const name = streamName({ tenant, type, key })
    assert.match(name, /^[A-Za-z0-9_%~][A-Za-z0-9_.%~-]*$/)
    const category = name.slice(0, name.indexOf('-'))
    assert.ok(category.startsWith(tenantPrefix(tenant)))
    assert.equal(category, streamName({ tenant, type, key: 'x' }).slice(0, -2))
    assert.ok(!tenantPrefix(tenant).slice(0, -1).includes('.'))
  }))
})

t.test('text that is no stream of ours has no key', async () => {
  const foreign = [
    '', '$all', '$ce-acme.order', 'order-1', 'acme.order', 'acme.order-', '.order-1', 'acme.-1',
    'acme.order-%', 'acme.order-%2d', 'acme.order-%41', 'acme.order-a b', 'acme.order-é', '$$x.y-z'
  ]
  for (const name of foreign) t.equal(parseStream(name), undefined, name)
  holds(t, fc.property(fc.oneof(text, nasty), (name) => {
    const parsed = parseStream(name)
    assert.ok(parsed === undefined || streamName(parsed) === name)
  }))
})

t.test('an event lives in the stream of its entity, else its actor, else its source', async () => {
  const record = { tenant: 'acme-eu', source: 'shop-api', actor: { type: 'system' as const } }
  const ref = '0198aaaa-0000-4000-8000-000000000001'
  const rows: Array<[string, Parameters<typeof streamOf>[0]]> = [
    ['acme~eu.order-4-5.6', { ...record, entity: { type: 'order', id: '4-5.6' } }],
    [`acme~eu.student-${ref}`, { ...record, entity: { type: 'student', ref } }],
    ['acme~eu.line~item-1', { ...record, entity: { type: 'line-item', id: '1' } }],
    [`acme~eu.user-${ref}`, { ...record, actor: { type: 'user', ref } }],
    ['acme~eu.service-mailer', { ...record, actor: { type: 'service', id: 'mailer' } }],
    ['acme~eu.agent-bot%207', { ...record, actor: { type: 'agent', id: 'bot 7' } }],
    ['acme~eu.source-shop-api', { ...record, actor: { type: 'system', id: 'cron' } }],
    ['acme~eu.source-shop-api', { ...record, actor: { type: 'anonymous' } }]
  ]
  for (const [name, given] of rows) t.equal(streamOf(given), name)
})

t.test('a lone surrogate has no name: it cannot be told from another one', async () => {
  t.throws(() => streamName({ tenant: 'acme', type: 'order', key: '\ud800' }), URIError)
})

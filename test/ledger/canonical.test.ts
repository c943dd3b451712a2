import assert from 'node:assert/strict'

import canonicalize from 'canonicalize'
import fc from 'fast-check'
import t from 'tap'

import { canonicalText } from '../../src/ledger/canonical.ts'

const json = fc.json({ stringUnit: 'binary' }).map((text): unknown => JSON.parse(text))

t.test('canonical text is that of RFC 8785, in whatever order members come', async (t) => {
  t.doesNotThrow(() => {
    fc.assert(fc.property(json, (value) => {
      const text = canonicalize(value)
      assert.equal(canonicalText(value), text)
      assert.equal(canonicalText(JSON.parse(text ?? '')), text, 'already in order')
    }), { numRuns: 3_000 })
  })
})

t.test('members that engines put in an order of their own are put in the right one', async (t) => {
  for (const text of [
    '{"10":1,"9":2}', '{"b":{"2":1,"10":2},"a":0}', '{"é":1,"z":2,"😀":3,"\ufb33":4}',
    '[-0,1e21,1e-7,0.1,5e-324,"\\\\ud800","\\u2028\\u0000"]'
  ]) {
    t.equal(canonicalText(JSON.parse(text)), canonicalize(JSON.parse(text)), text)
  }
})

t.test('a lone surrogate has no canonical form', async (t) => {
  for (const value of ['\ud800', { a: ['x\udfff'] }, { '\udc00': 1 }]) {
    t.throws(() => canonicalText(value))
    t.throws(() => canonicalize(value))
  }
})

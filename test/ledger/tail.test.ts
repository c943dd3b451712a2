import t from 'tap'

import type { Projected } from '../../schemas/recorded.ts'
import { LedgerError } from '../../src/errors.ts'
import { batchLookups, LOOKUP_MAX, type LookupQuestion } from '../../src/ledger/lookup.ts'
import { emptyTail, extendTail, prependTail, Tails, type Placed } from '../../src/ledger/tail.ts'

const placed = (from: number, count: number): Placed[] => Array.from({ length: count },
  (_, index) => ({ id: `id-${from + index}`, revision: BigInt(from + index) }))

t.test('a tail grows at both ends without a gap', async (t) => {
  const tail = emptyTail(9n)
  extendTail(tail, placed(10, 3))
  t.match(tail, { base: 9n, head: 12n })
  prependTail(tail, 4n, placed(5, 5))
  t.match(tail, { base: 4n, head: 12n })
  t.same([...tail.revisions], placed(5, 8).map(({ id, revision }) => [id, revision]))
})

t.test('an id that stands in a stream twice is where it stood first', async (t) => {
  const tail = emptyTail(-1n)
  extendTail(tail, [{ id: 'a', revision: 0n }, { id: 'a', revision: 1n }])
  t.same([tail.revisions.get('a'), tail.head], [0n, 1n])
})

t.test('a tail is taken by one at a time', async (t) => {
  const tails = new Tails()
  tails.put('s', emptyTail(3n), -1n)
  t.match(tails.take('s'), { head: 3n })
  t.equal(tails.take('s'), undefined)
  t.equal(tails.streams, 0)
})

t.test('what is projected leaves a tail that has grown', async (t) => {
  const tails = new Tails()
  const tail = emptyTail(-1n)
  extendTail(tail, placed(0, 1_000))
  tails.put('s', tail, 899n)
  const kept = tails.take('s')
  t.match(kept, { base: 899n, head: 999n })
  t.equal(kept?.revisions.size, 100)
  t.notOk(kept?.revisions.has('id-899'))
  t.ok(kept?.revisions.has('id-900'))
})

t.test('memory is bounded: the streams used longest ago are forgotten', async (t) => {
  const tails = new Tails(100)
  for (let stream = 0; stream < 50; stream++) {
    const tail = emptyTail(-1n)
    extendTail(tail, placed(0, 6))
    tails.put(`s-${stream}`, tail, -1n)
  }
  t.equal(tails.streams, 10)
  t.equal(tails.take('s-39'), undefined)
  t.ok(tails.take('s-40'))
})

const nothing: Projected = { known: new Map(), revisions: new Map() }

t.test('look-ups that wait are asked together, one question a tenant', async (t) => {
  const asked: Array<readonly LookupQuestion[]> = []
  const answers = { a: { ...nothing }, b: { ...nothing } }
  const lookup = batchLookups(async (questions) => {
    asked.push(questions)
    return questions.map(({ tenant }) => tenant === 'a' ? answers.a : answers.b)
  })
  const got = await Promise.all([
    lookup({ tenant: 'a', ids: ['1'], streams: ['s'] }),
    lookup({ tenant: 'a', ids: ['2'], streams: ['s', 'r'] }),
    lookup({ tenant: 'b', ids: ['3'], streams: ['s'] })
  ])
  t.same(asked, [[
    { tenant: 'a', ids: ['1', '2'], streams: ['s', 'r'] },
    { tenant: 'b', ids: ['3'], streams: ['s'] }
  ]])
  t.ok(got[0] === answers.a && got[1] === answers.a && got[2] === answers.b)
})

t.test('others wait while a look-up is under way, none of them too large', async (t) => {
  const sizes: number[] = []
  let running = 0
  const lookup = batchLookups(async (questions) => {
    sizes.push(questions.reduce((sum, { ids }) => sum + ids.length, 0))
    t.equal(++running, 1)
    await new Promise((resolve) => { setTimeout(resolve, 5) })
    running--
    return questions.map(() => nothing)
  })
  const ids = (prefix: number, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
  await Promise.all([
    lookup({ tenant: 'a', ids: ids(0, LOOKUP_MAX + 500), streams: [] }),
    ...Array.from({ length: 30 }, (_, index) =>
      lookup({ tenant: index % 2 === 0 ? 'a' : 'b', ids: ids(index + 1, 100), streams: [] }))
  ])
  t.same(sizes, [LOOKUP_MAX + 500, LOOKUP_MAX, 1_000])
})

t.test('a look-up fails for all who waited, and the next one is asked anew', async (t) => {
  let asked = 0
  const lookup = batchLookups(async (questions) => {
    if (asked++ === 0) throw new LedgerError('DATABASE_UNAVAILABLE', 'gone')
    return asked === 2 ? [] : questions.map(() => nothing)
  })
  const one = { tenant: 'a', ids: ['1'], streams: [] }
  const results = await Promise.allSettled([lookup(one), lookup({ ...one, tenant: 'b' })])
  t.match(results, [{ reason: { code: 'DATABASE_UNAVAILABLE' } },
    { reason: { code: 'DATABASE_UNAVAILABLE' } }])
  await t.rejects(lookup(one), /without an answer/, 'nobody waits for ever')
  t.equal(await lookup(one), nothing)
})

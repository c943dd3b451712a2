import fc from 'fast-check'
import t from 'tap'

import type { Leaf } from '../../projections/merkle/queries.ts'
import { EMPTY_FRONTIER, frontierRoot, treeRoot } from '../../src/proof/merkle.ts'
import { compareLeaves, type ScrubPart } from '../../src/worker/scrub-compare.ts'
import { decodedEvent } from '../given.ts'

const SIZE = 12
const events = Array.from({ length: SIZE }, (_, at) => decodedEvent(at + 1))
const rows: Leaf[] = events.map(({ position, leafHash: hash }, at) =>
  ({ index: BigInt(at), position, hash }))
const rootOf = (size: number): Buffer =>
  treeRoot(events.slice(0, size).map(({ leafHash }) => leafHash))

/** The whole log in one part, signed at 5 and at its end. */
const whole: ScrubPart = {
  tree: { size: 0n, frontier: EMPTY_FRONTIER },
  events,
  rows,
  next: undefined,
  roots: new Map([[5n, [rootOf(5)]], [BigInt(SIZE), [rootOf(SIZE)]]])
}

const without = <T>(list: readonly T[], ...at: number[]): T[] =>
  list.filter((_, index) => !at.includes(index))
const other = Buffer.alloc(32, 1)
const withHash = <T extends object>(list: readonly T[], at: number, said: Partial<T>): T[] =>
  list.map((one, index) => index === at ? { ...one, ...said } : one)

t.test('in whatever parts it is compared, what is in order has no findings', async (t) => {
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 1, max: SIZE - 1 })), (cuts) => {
    let tree = whole.tree
    const places = [0, ...cuts.toSorted((a, b) => a - b), SIZE]
    for (const [n, from] of places.slice(0, -1).entries()) {
      const to = places[n + 1]
      const compared = compareLeaves({
        ...whole,
        tree,
        events: events.slice(from, to),
        rows: rows.slice(from, to),
        next: BigInt(to ?? 0)
      })
      tree = compared.tree
      if (compared.findings.length > 0) return false
    }
    return tree.frontier !== undefined && frontierRoot(tree.frontier).equals(rootOf(SIZE))
  }))
  t.pass()
})

t.test('what an insider does is found where it is, and told apart', async (t) => {
  type Case = [name: string, part: Partial<ScrubPart>, found: Array<[string, bigint]>]
  const cases: Case[] = [
    ['an event is edited', { events: withHash(events, 7, { leafHash: other }) },
      [['tampered', 7n]]],
    ['a row is edited', { rows: withHash(rows, 7, { hash: other }) },
      [['tampered', 7n], ['forked', 11n]]],
    ['both are edited alike', {
      events: withHash(events, 2, { leafHash: other }), rows: withHash(rows, 2, { hash: other })
    }, [['forked', 4n]]],
    ['an event is gone', { events: without(events, 7) }, [['missing', 7n]]],
    ['a row is gone', { rows: without(rows, 7) }, [['missing', 7n]]],
    ['the last row is gone', { rows: without(rows, SIZE - 1) }, [['missing', 11n]]],
    ['the end of the log is gone', { events: events.slice(0, 9) }, [['missing', 9n]]],
    ['an event is inserted', {
      events: [...events.slice(0, 4), decodedEvent(99, { position: 450n }), ...events.slice(4)]
    }, [['foreign', 4n]]],
    ['one is gone from both', { events: without(events, 7), rows: without(rows, 7) },
      [['missing', 7n]]],
    ['two change places', {
      events: events.map((event, at) => at === 3 || at === 4
        ? { ...event, leafHash: events[7 - at]?.leafHash ?? other }
        : event)
    }, [['tampered', 3n]]],
    ['several are edited', {
      events: events.map((event, at) => at > 6 ? { ...event, leafHash: other } : event)
    }, [['tampered', 7n]]]
  ]
  for (const [name, part, found] of cases) {
    const { findings } = compareLeaves({ ...whole, ...part })
    t.strictSame(findings.map(({ kind, index }) => [kind, index]), found, name)
  }
  const many = compareLeaves({ ...whole, events: events.slice(0, 3) })
  t.match(many.findings[0]?.message, /^leaf 3, at 400: .*; 8 more after it$/)
})

t.test('a gap at the end of a part is told by the row that follows', async (t) => {
  const part = { ...whole, events: events.slice(0, 8), rows: rows.slice(0, 7) }
  t.match(compareLeaves({ ...part, next: 8n }).findings, [{ kind: 'missing', index: 7n }])
  t.match(compareLeaves({ ...part, next: 7n }).findings, [{ kind: 'foreign', index: 7n }])
})

t.test('after a gap on both sides, indexes go on and roots are no longer told', async (t) => {
  const { tree, findings } = compareLeaves({
    ...whole, events: without(events, 2), rows: without(rows, 2)
  })
  t.equal(findings.length, 1)
  t.strictSame(tree, { size: BigInt(SIZE), frontier: undefined })
})

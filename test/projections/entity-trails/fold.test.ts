import { isDeepStrictEqual } from 'node:util'

import * as fc from 'fast-check'
import t from 'tap'

import { diff, leaves, patch } from '../../../projections/entity-trails/diff.ts'
import { fold, foldStep, nothing, type Step } from '../../../projections/entity-trails/fold.ts'

/** JSON values with few names, so that two of them have much in common; odd names included. */
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof({ maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, true, 0, 1, '', 'x'),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'a/b', '~', '', '0', '__proto__', 'toString'),
      tie('json'), { maxKeys: 4, noNullPrototype: true }))
}))
const object = fc.dictionary(fc.constantFrom('a', 'b', 'c'), json, { noNullPrototype: true })

t.test('a diff applied to the one value gives the other', async () => {
  fc.assert(fc.property(json, json, (before, after) =>
    same(patch(before, diff(before, after)), after)), { numRuns: 2_000 })
})

t.test('the values of a diff are those that are there', async (t) => {
  fc.assert(fc.property(json, (value) => diff(value, structuredClone(value)).length === 0))
  t.strictSame(diff({ a: { b: [1, 2, 3], c: 1 }, x: 0 }, { a: { b: [1, 5], d: null }, x: 0 }), [
    { path: '/a/b/1', before: 2, after: 5 },
    { path: '/a/b/2', before: 3 },
    { path: '/a/c', before: 1 },
    { path: '/a/d', after: null }
  ])
  t.strictSame(diff({ 'a/b': 1, '~': 1 }, {}), [
    { path: '/a~1b', before: 1 }, { path: '/~0', before: 1 }
  ])
  t.strictSame(diff([], {}), [{ path: '', before: [], after: {} }])
})

t.test('a patch leaves the value as it is and makes the way it needs', async (t) => {
  const value = Object.freeze({ a: Object.freeze([1]) })
  t.strictSame(patch(value, [{ path: '/a/0' }, { path: '/b/c', after: 1 }]), { a: [], b: { c: 1 } })
  t.strictSame(patch(value, [{ path: '/a/7', after: 2 }]), { a: [1, 2] }, 'past the end appends')
  t.strictSame(patch(value, [{ path: '/a/-', after: 2 }]), { a: [1, 2] })
  t.strictSame(patch(value, [{ path: '/x/y' }]), { a: [1] }, 'removing nothing does nothing')
  const odd = patch({}, [{ path: '/__proto__/polluted', after: true }])
  t.equal(Reflect.get({}, 'polluted'), undefined)
  t.strictSame(Object.keys(odd as object), ['__proto__'])
})

t.test('whole states fold to the last of them', async () => {
  fc.assert(fc.property(fc.array(object, { minLength: 1, maxLength: 6 }), (states) => {
    const steps = states.map((after, i) => ({ by: i, before: states[i - 1], after }))
    return same(fold(steps).state, states.at(-1))
  }), { numRuns: 1_000 })
})

t.test('changes fold to the same as the states they were made from', async () => {
  fc.assert(fc.property(fc.array(object, { minLength: 1, maxLength: 6 }), (states) => {
    const steps = states.map((after, i): Step<number> =>
      ({ by: i, changes: diff(i === 0 ? {} : states[i - 1], after) }))
    return same(fold(steps).state ?? {}, states.at(-1))
  }), { numRuns: 1_000 })
})

t.test('every leaf is marked with the last step that set it', async () => {
  fc.assert(fc.property(fc.array(object, { minLength: 1, maxLength: 8 }), (states) => {
    let folded = nothing<number>()
    for (const [by, after] of states.entries()) {
      const before = folded
      folded = foldStep(folded, { by, after })
      const marks = [...folded.setBy.keys()].sort()
      if (!same(marks, leaves(folded.state).sort())) return false
      const changed = diff(before.state, folded.state).flatMap((c) => leaves(c.after, c.path))
      if (!changed.every((leaf) => folded.setBy.get(leaf) === by)) return false
    }
    return true
  }), { numRuns: 1_000 })
})

t.test('an entity is created, changed in part, deleted and restored', async (t) => {
  const steps: Array<Step<string>> = [
    { by: 'created', operation: 'create', after: { status: 'new', total: 1 } },
    { by: 'viewed' },
    { by: 'paid', before: { status: 'new' }, after: { status: 'paid' } },
    { by: 'noted', changes: [{ path: '/note/text', after: 'hi' }] }
  ]
  const paid = fold(steps)
  t.strictSame(paid.state, { status: 'paid', total: 1, note: { text: 'hi' } })
  t.strictSame(Object.fromEntries(paid.setBy),
    { '/status': 'paid', '/total': 'created', '/note/text': 'noted' })
  const gone = foldStep(paid, { by: 'deleted', operation: 'delete', before: paid.state })
  t.strictSame([gone.state, gone.setBy.size], [undefined, 0])
  t.equal(foldStep(paid, { by: 'nulled', after: null }).state, undefined)
  const back = foldStep(gone, { by: 'restored', operation: 'restore', after: { status: 'x' } })
  t.strictSame(Object.fromEntries(back.setBy), { '/status': 'restored' })
})

/** Equal as JSON, members in any order. */
function same (one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(one, other)
}

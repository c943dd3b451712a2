import fc from 'fast-check'
import t from 'tap'
import { diffStates, foldState, NOTHING, type StateEvent } from '../../src/api/fold.ts'

const fold = (...events: StateEvent[]) => events.reduce(foldState, NOTHING)

t.test('states are folded from what events say', async (t) => {
  const rows: Array<[name: string, events: StateEvent[], state: unknown]> = [
    ['nothing known', [{}], null],
    ['a whole state', [{ after: { a: 1, b: 2 } }], { a: 1, b: 2 }],
    ['a later part of it', [{ after: { a: 1, b: 2 } }, { after: { b: 3 } }], { a: 1, b: 3 }],
    ['a member that went', [{ after: { a: 1, b: 2 } }, { before: { b: 2 }, after: {} }], { a: 1 }],
    ['a member that went at first', [{ before: { a: 1, b: 2 }, after: { b: 3 } }], { b: 3 }],
    ['only what was there before', [{ before: { a: 1 } }], { a: 1 }],
    ['an event that changes nothing', [{ after: { a: 1 } }, { data: { x: 1 } }], { a: 1 }],
    ['a state that is no object', [{ after: { a: 1 } }, { after: 'closed' }], 'closed'],
    ['a change', [{ after: { a: 1 } }, { changes: [{ path: '/a', after: 2 }] }], { a: 2 }],
    ['a change deep in nothing', [{ changes: [{ path: '/a/b', after: 2 }] }], { a: { b: 2 } }],
    ['a change that removes', [{ after: { a: 1, b: 2 } }, { changes: [{ path: '/a' }] }], { b: 2 }],
    ['a change in a list', [{ after: [1, 2] }, { changes: [{ path: '/1', after: 3 }] }], [1, 3]],
    ['a change at the end', [{ after: [1] }, { changes: [{ path: '/-', after: 2 }] }], [1, 2]],
    ['a removal from a list', [{ after: { l: [1, 2] } }, { changes: [{ path: '/l/0' }] }],
      { l: [2] }],
    ['a place that no list has', [{ after: [1] }, { changes: [{ path: '/9', after: 2 }] }], [1]],
    ['a null', [{ changes: [{ path: '/a', after: null }] }], { a: null }],
    ['an escaped name', [{ changes: [{ path: '/a~1b', after: 1 }] }], { 'a/b': 1 }],
    ['a create after a create',
      [{ after: { a: 1 } }, { after: { b: 1 }, data: { operation: 'create' } }], { b: 1 }]
  ]
  for (const [name, events, state] of rows) t.strictSame(fold(...events).state, state, name)
})

t.test('what was deleted is gone, and can come back', async (t) => {
  const deleted = { before: { a: 1 }, data: { operation: 'delete' } }
  t.strictSame(fold({ after: { a: 1 } }, deleted), NOTHING)
  t.match(fold({ after: { a: 1 } }, deleted, { after: { a: 2 }, data: { operation: 'restore' } }),
    { exists: true, state: { a: 2 } })
})

t.test('what is hidden changes nothing and is counted', async (t) => {
  for (const hidden of [{ erased: true }, { sealed: true }, { tampered: true }]) {
    t.strictSame(fold({ after: { a: 1 } }, { before: hidden, after: hidden }),
      { exists: true, state: { a: 1 }, hidden: 1 })
    t.strictSame(fold({ after: { a: 1 } }, { changes: hidden }),
      { exists: true, state: { a: 1 }, hidden: 1 })
  }
  t.equal(fold({ after: { erased: true, by: 'us' } }).hidden, 0, 'a state of its own is a state')
})

t.test('a prototype cannot be reached', async (t) => {
  fold({ changes: [{ path: '/__proto__/polluted', after: 1 }] })
  t.equal(Reflect.get({}, 'polluted'), undefined)
})

t.test('the differences of two states, as changes, make the second of the first', async () => {
  // A list is compared and changed as a whole; a member that is undefined is not JSON.
  const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }))
  fc.assert(fc.property(json, json, (one, other) => {
    const clean = [one, other].map((value) => JSON.parse(JSON.stringify(value)))
    const changes = diffStates(clean[0], clean[1])
    const folded = fold({ after: clean[0] }, { changes })
    return diffStates(folded.state, clean[1]).length === 0
  }))
})

t.test('equal states have no differences, whatever the order of members', async (t) => {
  t.strictSame(diffStates({ a: 1, b: [{ c: 1 }] }, { b: [{ c: 1 }], a: 1 }), [])
  t.strictSame(diffStates({ a: 1 }, { a: { b: 1 } }), [{ path: '/a', before: 1, after: { b: 1 } }])
  t.strictSame(diffStates(undefined, { a: 1 }), [{ path: '', after: { a: 1 } }])
})

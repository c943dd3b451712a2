import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import {
  edit, formatPointer, getAt, nearestAbove, parsePointer, pointerDepth
} from '../../schemas/pointer.ts'

t.test('the examples of RFC 6901 section 5', async (t) => {
  const document = {
    foo: ['bar', 'baz'],
    '': 0,
    'a/b': 1,
    'c%d': 2,
    'e^f': 3,
    'g|h': 4,
    'i\\j': 5,
    'k"l': 6,
    ' ': 7,
    'm~n': 8
  }
  const rows: Array<[pointer: string, value: unknown]> = [
    ['', document], ['/foo', ['bar', 'baz']], ['/foo/0', 'bar'], ['/', 0], ['/a~1b', 1],
    ['/c%d', 2], ['/e^f', 3], ['/g|h', 4], ['/i\\j', 5], ['/k"l', 6], ['/ ', 7], ['/m~0n', 8]
  ]
  for (const [pointer, value] of rows) t.strictSame(getAt(document, pointer), value, pointer)
})

t.test('nothing is found where nothing is', async (t) => {
  const value = { list: [1, 2], text: 'abc', nothing: null }
  for (const pointer of ['/x', '/list/2', '/list/-', '/list/01', '/list/1.0', '/list/length',
    '/text/0', '/text/length', '/nothing/x', '/toString', '/__proto__', '/constructor/name']) {
    t.equal(getAt(value, pointer), undefined, pointer)
  }
})

t.test('tokens and pointers are two forms of the same', async (t) => {
  fc.assert(fc.property(fc.array(fc.string()), (tokens) => {
    const pointer = formatPointer(tokens)
    t.strictSame(parsePointer(pointer), tokens)
    t.equal(pointerDepth(pointer), tokens.length)
  }))
  t.equal(formatPointer(['a', 0, '~1']), '/a/0/~01')
  t.strictSame(parsePointer('/~01'), ['~1'], 'one unescaping, not two')
})

t.test('the nearest of several pointers above one', async (t) => {
  const pointers = new Set(['/a', '/a/b', '/a-b', '/x/y/z'])
  const rows: Array<[pointer: string, above: string | undefined]> = [
    ['/a/b/c', '/a/b'], ['/a/c', '/a'], ['/a/b', '/a'], ['/a', undefined], ['/ab', undefined],
    ['/a-b/c', '/a-b'], ['/x/y', undefined], ['', undefined]
  ]
  for (const [pointer, above] of rows) t.equal(nearestAbove(pointer, pointers), above, pointer)
})

t.test('an edit changes its result and never the original', async (t) => {
  const original = { a: { b: [1, { c: 2 }] }, kept: { x: 1 } }
  const before = structuredClone(original)
  const change = edit(original)
  change.set('/a/b/1/c', 3)
  change.set('/a/b/0', null)
  change.set('/a/new', { y: 1 })
  change.set('/a/new/y', 2)
  t.strictSame(change.get('/a/b/1/c'), 3)
  t.strictSame(change.result(), { a: { b: [null, { c: 3 }], new: { y: 2 } }, kept: { x: 1 } })
  t.strictSame(original, before)
  const result = change.result()
  t.equal(typeof result === 'object' && getAt(result, '/kept'), original.kept, 'the rest is shared')
})

t.test('an edit removes members and invents no way', async (t) => {
  const original = { a: { b: 1, c: 2 }, list: [1, 2], text: 'x' }
  const change = edit(original)
  change.set('/a/b', undefined)
  const nowhere = [
    '/x/y', '/list/2', '/list/-', '/text/0', '/list/0/x', '/__proto__/x', '/a/__proto__'
  ]
  for (const pointer of nowhere) change.set(pointer, 'invented')
  t.strictSame(change.result(), { a: { c: 2 }, list: [1, 2], text: 'x' })
  t.equal(Reflect.get({}, 'x'), undefined)
  const whole = edit(original)
  whole.set('', 7)
  t.equal(whole.result(), 7)
})

t.test('what was put somewhere is found there, and only there', async (t) => {
  const json = fc.jsonValue({ maxDepth: 3 })
    .filter((value) => !JSON.stringify(value).includes('__proto__'))
  const paths = (value: unknown, at: string[]): string[][] => {
    const members = typeof value === 'object' && value !== null ? Object.entries(value) : []
    return [at, ...members.flatMap(([key, item]) => paths(item, [...at, key]))]
  }
  fc.assert(fc.property(json, fc.nat(), fc.nat(), json, (value, one, other, put) => {
    const all = paths(value, []).map(formatPointer)
    const [target, watched] = [all[one % all.length] ?? '', all[other % all.length] ?? '']
    const change = edit(value)
    change.set(target, put)
    t.ok(isDeepStrictEqual(change.get(target), put))
    const apart = target !== watched && target !== '' && watched !== '' &&
      !nearestAbove(watched, new Set([target])) && !nearestAbove(target, new Set([watched]))
    if (apart) {
      t.equal(change.get(watched), getAt(value, watched))
    }
  }), { numRuns: 1_000 })
})

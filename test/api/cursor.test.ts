import fc from 'fast-check'
import t from 'tap'
import { openCursor, sealCursor, type CursorScope } from '../../src/api/cursor.ts'

const scope: CursorScope = {
  secret: Buffer.alloc(32, 7), tenant: 'acme', list: '/v1/events', filter: { action: 'auth.*' }
}
const keys = fc.bigInt({ min: 0n, max: (2n ** 63n) - 1n }).map(String)
const invalid = { code: 'INVALID_CURSOR' }

t.test('a cursor gives its key back to its own query', async () => {
  fc.assert(fc.property(keys, (key) => openCursor(scope, sealCursor(scope, key)) === key))
})

t.test('members that are not given, and their order, make no difference', async (t) => {
  const one = { ...scope, filter: { a: '1', b: '2', c: undefined } }
  const other = { ...scope, filter: { b: '2', a: '1' } }
  t.equal(openCursor(other, sealCursor(one, '7')), '7')
})

t.test('no other query can use it', async (t) => {
  const cursor = sealCursor(scope, '42')
  const others: Array<Partial<CursorScope>> = [
    { secret: Buffer.alloc(32, 8) }, { tenant: 'globex' }, { list: '/v1/tasks' },
    { filter: {} }, { filter: { action: 'auth.*', outcome: 'denied' } },
    { filter: { action: 'auth.x' } }, { filter: { actio: 'n","auth.*' } }
  ]
  for (const other of others) {
    t.throws(() => openCursor({ ...scope, ...other }, cursor), invalid, JSON.stringify(other))
  }
})

t.test('a changed cursor is refused, whatever was changed', async () => {
  fc.assert(fc.property(keys, fc.nat(), fc.base64String(), (key, at, text) => {
    const cursor = sealCursor(scope, key)
    const place = at % cursor.length
    const wrong = cursor.slice(0, place) + text + cursor.slice(place + 1)
    if (wrong === cursor) return true
    try {
      openCursor(scope, wrong)
      return false
    } catch {
      return true
    }
  }))
})

t.test('what never was a cursor is refused', async (t) => {
  for (const wrong of ['', 'x', '====', 'null', 'a'.repeat(10_000), '\u0000', '../..']) {
    t.throws(() => openCursor(scope, wrong), invalid, wrong.slice(0, 10))
  }
})

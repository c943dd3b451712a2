import t from 'tap'
import { createPlaces } from '../../src/api/stream-places.ts'

t.test('places are taken up to the limits of a key and of all, and given back', async (t) => {
  const places = createPlaces({ max: 3, perKey: 2 })
  const first = places.take('a')
  places.take('a')
  t.throws(() => places.take('a'), { code: 'TOO_MANY_STREAMS' })
  const other = places.take('b')
  t.throws(() => places.take('b'), { code: 'OVERLOADED' })
  t.throws(() => places.take('a'), { code: 'TOO_MANY_STREAMS' })
  first.abort()
  first.abort()
  const again = places.take('a')
  t.throws(() => places.take('b'), { code: 'OVERLOADED' }, 'given back once')
  places.endAll()
  t.ok(again.signal.aborted && other.signal.aborted)
  t.doesNotThrow(() => ['c', 'd', 'e'].map((key) => places.take(key)))
})

import fc from 'fast-check'
import t from 'tap'
import { isMet, latencyOf, median, quantile, summarise } from './stats.ts'

t.test('the median is the middle value, or the mean of the two in the middle', async (t) => {
  t.equal(median([5]), 5)
  t.equal(median([9, 1, 5]), 5)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.equal(median([100, 20, 3]), 20, 'sorted as numbers, not as text')
  t.ok(Number.isNaN(median([])))
})

t.test('a quantile lies between its neighbours', async (t) => {
  t.equal(quantile([1, 2, 3, 4, 5], 0), 1)
  t.equal(quantile([1, 2, 3, 4, 5], 1), 5)
  t.equal(quantile([10, 20], 0.25), 12.5)
  fc.assert(fc.property(
    fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    (values, q) => {
      const value = quantile(values, q)
      return value >= Math.min(...values) && value <= Math.max(...values)
    }))
})

t.test('a summary keeps the extremes and the number of samples', async (t) => {
  t.strictSame(summarise([3, 1, 2]), { median: 2, min: 1, max: 3, samples: 3 })
})

t.test('latencies are named by their share', async (t) => {
  const values = Array.from({ length: 101 }, (_, index) => index)
  t.strictSame(latencyOf(values), { p50: 50, p95: 95, p99: 99, max: 100 })
})

t.test('a limit counts as reached, and what was not measured does not', async (t) => {
  t.equal(isMet(0.5, { kind: 'at least', limit: 0.5 }), true)
  t.equal(isMet(0.49, { kind: 'at least', limit: 0.5 }), false)
  t.equal(isMet(10, { kind: 'at most', limit: 10 }), true)
  t.equal(isMet(10.1, { kind: 'at most', limit: 10 }), false)
  t.equal(isMet(NaN, { kind: 'at most', limit: 10 }), false)
  t.equal(isMet(NaN, { kind: 'at least', limit: 10 }), false)
})

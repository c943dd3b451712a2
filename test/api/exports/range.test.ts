import t from 'tap'
import { byteRange, matches } from '../../../src/api/exports/range.ts'

t.test('a range is the part of the bytes that it names', async (t) => {
  const cases: Array<[string | undefined, ReturnType<typeof byteRange>]> = [
    [undefined, undefined],
    ['bytes=0-', { from: 0, to: 99 }],
    ['bytes=99-', { from: 99, to: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=0-0', { from: 0, to: 0 }],
    ['bytes=10-19', { from: 10, to: 19 }],
    ['bytes=10-1000', { from: 10, to: 99 }],
    ['bytes=-1', { from: 99, to: 99 }],
    ['bytes=-100', { from: 0, to: 99 }],
    ['bytes=-101', { from: 0, to: 99 }],
    ['bytes=-0', 'unsatisfiable']
  ]
  for (const [header, part] of cases) t.strictSame(byteRange(header, 100), part, String(header))
})

t.test('what a server may ignore is ignored', async (t) => {
  for (const header of ['bytes=5-4', 'bytes=-', 'bytes=0-1,5-6', 'lines=0-1', 'bytes 0-1', '']) {
    t.equal(byteRange(header, 100), undefined, header)
  }
})

t.test('nothing has no part', async (t) => {
  t.equal(byteRange('bytes=0-', 0), 'unsatisfiable')
  t.equal(byteRange('bytes=-5', 0), 'unsatisfiable')
})

t.test('a tag matches itself, a list with it, and everything', async (t) => {
  for (const header of [undefined, '*', '"a"', '"b", "a"']) {
    t.ok(matches(header, '"a"'), String(header))
  }
  for (const header of ['"b"', 'W/"a"', 'a', '']) t.notOk(matches(header, '"a"'), header)
})

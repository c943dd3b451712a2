import { hash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { NotAsRecorded, slice, type Expected } from '../../../src/api/exports/slice.ts'
import type { ByteRange } from '../../../src/api/exports/range.ts'

async function sliced (
  chunks: readonly string[], part: ByteRange, expected: Expected
): Promise<{ text: string, broken: boolean }> {
  const seen: Buffer[] = []
  let broken = false
  try {
    for await (const bytes of slice(stream(chunks), part, expected)) seen.push(bytes)
  } catch (err) {
    if (!(err instanceof NotAsRecorded)) throw err
    broken = true
  }
  return { text: Buffer.concat(seen).toString('latin1'), broken }
}

async function * stream (chunks: readonly string[]): AsyncGenerator<string> {
  yield * chunks
}

function recordOf (text: string): Expected {
  return { bytes: Buffer.byteLength(text), sha256: hash('sha256', text) }
}

const chunks = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '漢', '\n') }), {
  maxLength: 8
})

t.test('any part of any chunks is those bytes', async (t) => {
  await fc.assert(fc.asyncProperty(chunks, fc.nat(60), fc.nat(60), async (given, one, other) => {
    const bytes = Buffer.from(given.join(''))
    const [from, to] = [Math.min(one, other), Math.min(Math.max(one, other), bytes.length - 1)]
    if (from > to) return
    const { text, broken } = await sliced(given, { from, to }, recordOf(given.join('')))
    t.notOk(broken)
    t.equal(text, bytes.subarray(from, to + 1).toString('latin1'))
  }), { numRuns: 200 })
})

t.test('nobody gets the last chunk of what is not on record', async (t) => {
  const expected = recordOf('onetwothree')
  for (const given of [['one', 'two', 'thrEe'], ['one', 'twO', 'three'], ['one', 'two']]) {
    const { text, broken } = await sliced(given, { from: 0, to: 10 }, expected)
    t.ok(broken)
    t.ok(text.length < 11, text)
  }
  const resumed = await sliced(['oNe', 'two', 'three'], { from: 6, to: 10 }, expected)
  t.strictSame(resumed, { text: '', broken: true }, 'also where what is other was left out')
  const longer = await sliced(['one', 'two', 'three', '!'], { from: 0, to: 10 }, expected)
  t.ok(longer.broken)
})

t.test('nothing is a whole, too', async (t) => {
  t.strictSame(await sliced([], { from: 0, to: -1 }, recordOf('')), { text: '', broken: false })
})

t.test('no more is made than a part in the middle needs', async (t) => {
  let made = 0
  async function * counted (): AsyncGenerator<string> {
    for (; made < 1_000; made++) yield 'ten bytes.'
  }
  const part = slice(counted(), { from: 5, to: 24 }, { bytes: 10_000, sha256: '' })
  let text = ''
  for await (const bytes of part) text += bytes.toString()
  t.equal(text.length, 20)
  t.ok(made <= 3, `${made} chunks`)
})

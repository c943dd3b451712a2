import t from 'tap'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { EventInput } from '../../schemas/events/index.ts'
import { seededRandom } from '../../src/sample/random.ts'
import { eventSeries, pickTenant, PLACEHOLDER_ID, TENANTS, zipf } from './generator.ts'

const COUNT = 2_000

function take (seed: number): EventInput[] {
  return Array.from({ length: COUNT }, eventSeries(seed))
}

t.test('every event is one that the ledger takes', async (t) => {
  const check = TypeCompiler.Compile(EventInput)
  const wrong = take(1).find((event) => !check.Check(event))
  t.equal(wrong, undefined)
})

t.test('an event is about 600 bytes of JSON and holds one placeholder for its id', async (t) => {
  const texts = take(2).map((event) => JSON.stringify(event))
  const mean = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / COUNT
  t.ok(mean > 540 && mean < 660, `${mean} bytes`)
  t.ok(texts.every((text) => text.split(PLACEHOLDER_ID).length === 2))
})

t.test('the same seed gives the same events, another one others', async (t) => {
  const text = (seed: number): string => JSON.stringify(take(seed))
  const again = text(3)
  t.equal(text(3).length, again.length)
  t.ok(text(3).includes(again))
  t.ok(text(3) !== text(4))
})

t.test('most events change something and show it before and after', async (t) => {
  const changes = take(5).filter(({ before, after }) => before !== undefined && after !== undefined)
  t.ok(changes.length > COUNT * 0.65 && changes.length < COUNT * 0.75, `${changes.length}`)
})

t.test('the first rank comes twice as often as the second, and no rank lies outside', async (t) => {
  const random = seededRandom(6)
  const pick = zipf(100)
  const seen = Array.from({ length: 100 }, () => 0)
  for (let index = 0; index < 50_000; index++) {
    const rank = pick(random)
    seen[rank] = (seen[rank] ?? NaN) + 1
  }
  const [first = 0, second = 0] = seen
  t.ok(first / second > 1.85 && first / second < 2.15, `${first} to ${second}`)
  t.equal(seen.length, 100)
  t.ok(seen.every((times) => times > 0))
})

t.test('every tenant has events, the first one most', async (t) => {
  const random = seededRandom(7)
  const tenants = Array.from({ length: COUNT }, () => pickTenant(random))
  const times = TENANTS.map((_, tenant) => tenants.filter((one) => one === tenant).length)
  t.equal(times.reduce((sum, one) => sum + one, 0), COUNT)
  t.ok((times[0] ?? 0) > COUNT / 2 && times.every((one) => one > 0), times.join(' '))
})

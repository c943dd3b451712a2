import t from 'tap'
import { createRecent, FRESH_MS } from '../../src/api/recent.ts'

t.test('what was asked before a change is not remembered after it', async (t) => {
  const asked: Array<(value: string) => void> = []
  const recent = createRecent(async () => await new Promise<string>((resolve) => {
    asked.push(resolve)
  }), () => 0)
  const early = recent.get('acme')
  recent.forget('acme')
  const late = recent.get('acme')
  t.equal(asked.length, 2, 'who asks after the change does not wait for the old answer')
  asked[1]?.('new')
  t.equal(await late, 'new')
  asked[0]?.('old')
  t.equal(await early, 'old')
  t.equal(await recent.get('acme'), 'new')
  t.equal(asked.length, 2)
})

t.test('an answer is taken for as long as it is fresh, and one question serves all', async (t) => {
  let now = 0
  let asked = 0
  const recent = createRecent(async () => ++asked, () => now)
  t.strictSame(await Promise.all([recent.get('a'), recent.get('a')]), [1, 1])
  now = FRESH_MS - 1
  t.equal(await recent.get('a'), 1)
  now = FRESH_MS
  t.equal(await recent.get('a'), 2)
})

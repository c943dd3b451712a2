import t from 'tap'
import { Lanes } from '../../src/ledger/lanes.ts'
import { batchLookups } from '../../src/ledger/lookup.ts'
import type { Pending } from '../../src/ledger/append.ts'

const pending = (stream: string): Pending => ({
  encoded: {
    stream,
    recordedAt: '2026-01-01T00:00:00.000Z',
    event: { id: 'e', type: 'order.updated', data: {}, json: '{}' },
    bytes: 2
  },
  input: {
    action: 'order.updated',
    category: 'action',
    actor: { type: 'service', id: 'api' },
    outcome: 'success'
  },
  after: undefined,
  projected: -1n,
  settle: () => undefined
})

t.test('lanes are idle when nothing is under way on any stream', async (t) => {
  const ends: Array<() => void> = []
  const lanes = new Lanes(async () => { await new Promise<void>((resolve) => ends.push(resolve)) })
  await lanes.idle(60_000)
  lanes.enqueue([pending('a'), pending('b')])
  await Promise.resolve()
  t.equal(ends.length, 2)
  let idle = false
  const waiting = Promise.all([lanes.idle(60_000), lanes.idle(60_000)]).then(() => { idle = true })
  lanes.enqueue([pending('a')])
  ends[0]?.()
  ends[1]?.()
  await new Promise(setImmediate)
  t.equal(ends.length, 3, 'what waited for its stream is under way')
  t.notOk(idle)
  ends[2]?.()
  await waiting
  lanes.enqueue([pending('stuck')])
  const since = performance.now()
  await lanes.idle(20)
  t.ok(performance.now() - since < 5_000, 'a stuck stream is not waited for')
})

t.test('look-ups pause between each other, and what comes meanwhile is one', async (t) => {
  const asked: number[] = []
  let go = (): void => undefined
  const lookup = batchLookups(async (questions) => {
    asked.push(questions.reduce((sum, { ids }) => sum + ids.length, 0))
    return questions.map(() => ({ known: new Map(), revisions: new Map() }))
  }, async () => { await new Promise<void>((resolve) => { go = resolve }) })
  const ask = async (id: number): Promise<unknown> =>
    await lookup({ tenant: 'acme', ids: [String(id)], streams: [] })
  await ask(0)
  const rest = Promise.all([ask(1), ask(2), ask(3)])
  await new Promise(setImmediate)
  t.same(asked, [1])
  go()
  await rest
  t.same(asked, [1, 3])
  go()
})

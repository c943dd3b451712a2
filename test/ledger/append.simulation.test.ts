import t from 'tap'

import { failing } from './checker.ts'
import { simulate, type Bugs } from './simulation.ts'

const HISTORIES = 600
const PLANTED_HISTORIES = 400

t.test('whatever the network does, nothing is lost, doubled or told wrongly', async () => {
  t.same(await failing({ from: 1, count: HISTORIES, wanted: 3 }), [])
})

t.test('histories are worth their name: they conflict, fail, repeat and differ', async () => {
  const seen = new Map<string, number>()
  const count = (what: string): void => { seen.set(what, (seen.get(what) ?? 0) + 1) }
  for (let seed = 1; seed <= 200; seed++) {
    for (const { result } of (await simulate(seed)).sent) {
      count(result.ok ? (result.receipt.duplicate ? 'repeated' : 'recorded') : result.error.code)
    }
  }
  for (const what of ['recorded', 'repeated', 'ID_REUSED', 'LOG_UNAVAILABLE']) {
    t.ok((seen.get(what) ?? 0) > 20, `${what}: ${seen.get(what)}`)
  }
  const unknown = [...seen.keys()].filter((what) => ![
    'recorded', 'repeated', 'ID_REUSED', 'LOG_UNAVAILABLE', 'DATABASE_UNAVAILABLE'
  ].includes(what))
  t.same(unknown, [])
})

t.test('the same seed gives the same history', async () => {
  for (const seed of [1, 77]) {
    const [one, other] = [await simulate(seed), await simulate(seed)]
    t.same(one.store.all, other.store.all)
    t.same(one.sent, other.sent)
  }
})

const planted: Array<[string, Bugs]> = [
  ['appending anywhere', { appendAnywhere: true }],
  ['going on without looking through the tail', { noTailScan: true }],
  ['a look-up in two snapshots', { twoSnapshots: true }],
  ['taking every success for its own', { believesSuccess: true }]
]
for (const [name, bugs] of planted) {
  t.test(`the same check catches ${name}`, async () => {
    const found = await failing({ from: 1, count: PLANTED_HISTORIES, wanted: 1 }, bugs)
    t.equal(found.length, 1, found.join())
  })
}

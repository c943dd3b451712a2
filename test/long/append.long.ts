import t from 'tap'

import { failing } from '../ledger/checker.ts'

const HISTORIES = 60_000

t.test(`${HISTORIES} histories lose, double and mistell nothing`, async () => {
  t.same(await failing({ from: 1_000_000, count: HISTORIES, wanted: 3 }), [])
})

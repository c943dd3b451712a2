import t from 'tap'

import { killSealers } from './killing.ts'

t.test('killed at any step, a sealer never signs two trees that disagree', async (t) => {
  await killSealers(t, 1)
})

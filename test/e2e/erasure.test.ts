import t from 'tap'
import { eraseUnderLoad } from './erasing.ts'

// Real processes, killed and started again, on a machine that may be busy.
t.setTimeout(300_000)

t.test('100 of 500 persons are erased under load, workers being killed', async (t) => {
  await eraseUnderLoad(t, { subjects: 500, erased: 100, held: 10, rate: 50 })
})

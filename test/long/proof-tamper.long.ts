import t from 'tap'
import { tamperTable } from '../proof/tamper-table.ts'

t.test('every kind of tampering is caught and named, with 50 seeds', async (t) => {
  await tamperTable(t, 50)
})

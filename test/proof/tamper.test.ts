import t from 'tap'
import { tamperTable } from './tamper-table.ts'

t.test('every kind of tampering is caught and named, nothing untouched is', async (t) => {
  await tamperTable(t, 5)
})

import t from 'tap'
import { tamperTable } from '../proof/tamper-table.ts'

t.setTimeout(900_000)

const name = 'every kind of tampering is caught and named, with 50 seeds'
t.test(name, { timeout: 900_000 }, async (t) => {
  await tamperTable(t, 50)
})

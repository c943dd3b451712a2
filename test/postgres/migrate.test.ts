import t from 'tap'
import { testDatabase } from '../helper.ts'

t.test('a test database is migrated', async (t) => {
  const db = await testDatabase(t)
  const { rows } = await db.pool('ledger_api').query('select current_user, count(*) from control.projection')
  t.same(rows, [{ current_user: 'ledger_api', count: 0n }])
})

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createClient } from '../../src/client/client.ts'
import { produce } from '../client/ledger.ts'
import { eventually, runCommand } from './command.ts'
import { client as http } from './http.ts'
import { testLedger, testTenant } from './ledger.ts'

t.test('a ledger that is killed and started again gets each event once', async (t) => {
  const real = await testLedger(t, { apis: 1, workers: 1 })
  const { key, tenant } = await testTenant(real)
  const [api] = real.apis
  const url = api?.address ?? ''
  const client = createClient({
    url, key, retry: { baseMs: 50, maxMs: 300 }, batch: { events: 25, lingerMs: 5 }
  })
  const producing = produce(client, '106', 400)
  await sleep(40)
  api?.command.child.kill('SIGKILL')
  await api?.command.ended
  await sleep(200)
  runCommand(t, ['serve', '--port', new URL(url).port], real.env)
  const ids = await producing
  await client.close()
  t.match(client.stats(), { recorded: 400, failed: 0 })
  t.ok(client.stats().retries > 0)
  const reader = http(url, key)
  await eventually(async () => (await reader.get('/readyz')).status, (status) => status === 200)
  const { text } = await reader.get(`/v1/streams/${tenant.replaceAll('-', '~')}.order-106/events`)
  const recorded = text.trim().split('\n').map((line) => JSON.parse(line).id)
  t.strictSame(recorded.filter((id) => id !== undefined), ids)
})

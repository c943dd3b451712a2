import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createClient } from '../../src/client/client.ts'
import { produce } from '../client/ledger.ts'
import { eventually, runCommand } from './command.ts'
import { DOCUMENTED, documentedRequests, TEACHER } from './documented.ts'
import { client as http } from './http.ts'
import { testLedger, testTenant } from './ledger.ts'

const real = await testLedger(t, { apis: 1, workers: 1 })
const [api] = real.apis
const url = api?.address ?? ''

t.test('what the five systems documented is answered to a plain client', async (t) => {
  const { key, tenant } = await testTenant(real)
  const issued = await real.admin.post('/v1/api-keys', {
    tenant, name: 'teacher', roles: ['self'], subject: TEACHER
  })
  const keys = { auditor: key, self: (issued.json() as { secret: string }).secret }
  const append = async (events: readonly object[]): Promise<string[]> => {
    const answer = await http(url, key).post('/v1/events', events, { prefer: 'wait=30' })
    const { items } = answer.json() as { items: Array<{ receipt: { id: string } }> }
    return items.map(({ receipt }) => receipt.id)
  }
  const ids: Record<string, string[]> = {}
  for (const [name, events] of Object.entries(DOCUMENTED)) ids[name] = await append(events)
  const last = (name: keyof typeof DOCUMENTED): string => ids[name]?.at(-1) ?? ''
  const requests = documentedRequests(tenant, {
    orders: last('orders'),
    shares: last('shares'),
    steps: last('steps'),
    kinds: last('kinds'),
    log: last('log')
  }, ids['kinds'] ?? [])
  for (const { line, by, body, isWhole } of requests) {
    const { status, answered } = await plainGet(line, keys[by])
    t.equal(status, 200, `GET ${line}: ${answered}`)
    const found = firstOnly(JSON.parse(answered), body)
    if (isWhole) t.strictSame(found, body, `GET ${line}`)
    else t.match(found, body, `GET ${line}`)
  }
})

/** GET as HTTP has it, with nothing of ours or of a framework in between. */
async function plainGet (
  path: string, key: string
): Promise<{ status: number | undefined, answered: string }> {
  return await new Promise((resolve, reject) => {
    get(url + path, { headers: { authorization: `Bearer ${key}` } }, (response) => {
      text(response).then((answered) => {
        resolve({ status: response.statusCode, answered })
      }, reject)
    }).on('error', reject)
  })
}

/** The answer with as much of its list as is documented. */
function firstOnly (answer: Record<string, unknown>, body: object): object {
  return Object.fromEntries(Object.entries(answer).map(([name, value]) => {
    const documented: unknown = Reflect.get(body, name)
    return [name, Array.isArray(value) && Array.isArray(documented)
      ? value.slice(0, documented.length)
      : value]
  }))
}

t.test('a ledger that is killed and started again gets each event once', async (t) => {
  const { key, tenant } = await testTenant(real)
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

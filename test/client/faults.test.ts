import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Client } from '../../src/client/client.ts'
import { eventually, runCommand } from '../e2e/command.ts'
import { client as http } from '../e2e/http.ts'
import { testLedger, testTenant } from '../e2e/ledger.ts'
import { createClient } from '../../src/client/client.ts'
import { listeningLedger, orderEvent } from './ledger.ts'

const ledger = await listeningLedger(t)
const { proxy, trail } = ledger

/** Ids that tell their number, so that what is missing or out of order shows. */
const idOf = (run: number, n: number): string =>
  `00000000-0000-7000-8${String(run).padStart(3, '0')}-${String(n).padStart(12, '0')}`

/** Records so many events of an order, every few milliseconds some, and gives back their ids. */
async function produce (client: Client, order: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => idOf(Number(order), n))
  for (const [n, id] of ids.entries()) {
    await client.record(orderEvent(order, { id, description: `${n}` }))
    if (n % 20 === 0) await sleep(5)
  }
  return ids
}

t.test('a ledger that is slow gets each event once, in order', async (t) => {
  const client = ledger.client(t, { timeoutMs: 150, batch: { events: 50, lingerMs: 5 } })
  proxy.faults.latencyMs = 200
  const producing = produce(client, '101', 300)
  await sleep(600)
  t.equal(client.stats().recorded, 0, 'every attempt ended before its answer')
  proxy.faults.latencyMs = 10
  const ids = await producing
  await client.flush()
  t.strictSame(await trail('order:101'), ids)
  t.ok(client.stats().retries > 0)
  t.ok(client.stats().duplicates > 0, 'what was recorded without an answer is known by its id')
  proxy.faults.latencyMs = 0
})

t.test('answers that are cut in the middle lose and double nothing', async (t) => {
  const client = ledger.client(t, { batch: { events: 40, lingerMs: 5 } })
  let cuts = 0
  const cutting = setInterval(() => {
    cuts++
    proxy.cutAfter(cuts % 2 === 0 ? 'sent' : 'answered', 1 + (cuts * 997) % 9_000)
  }, 30)
  t.teardown(() => { clearInterval(cutting) })
  const ids = await produce(client, '102', 2_000)
  clearInterval(cutting)
  await client.flush()
  t.strictSame(await trail('order:102'), ids)
  t.match(client.stats(), { recorded: 2_000, failed: 0, buffered: 0 })
  t.ok(client.stats().retries > 3, `${client.stats().retries} retries`)
})

t.test('while the log is away the ledger answers 503; then everything arrives', async (t) => {
  const client = ledger.client(t, { buffer: { events: 100 }, batch: { events: 30, lingerMs: 5 } })
  await client.append(orderEvent('104'))
  const producing = produce(client, '103', 500)
  await sleep(50)
  await ledger.node.restart()
  const ids = await producing
  await client.flush()
  t.strictSame(await trail('order:103'), ids)
  t.ok(client.stats().retries > 0)
})

t.test('callers who append together while connections break each get their receipt', async (t) => {
  const client = ledger.client(t)
  const cutting = setInterval(() => { proxy.cut() }, 40)
  t.teardown(() => { clearInterval(cutting) })
  const callers = Array.from({ length: 20 }, async (_, caller) => {
    const ids: string[] = []
    for (let n = 0; n < 10; n++) {
      const { id } = await client.append(orderEvent(`105-${caller}`, { description: `${n}` }))
      ids.push(id)
    }
    return ids
  })
  const all = await Promise.all(callers)
  clearInterval(cutting)
  for (const [caller, ids] of all.entries()) {
    t.strictSame(await trail(`order:105-${caller}`), ids)
  }
})

t.test('a ledger that is killed and started again gets each event once', async (t) => {
  const real = await testLedger(t, { apis: 1, workers: 1 })
  const { key, tenant } = await testTenant(real)
  const [api] = real.apis
  const url = api?.address ?? ''
  const client = createClient({
    url, key, retry: { baseMs: 50, maxMs: 300 }, batch: { events: 25, lingerMs: 5 }
  })
  const producing = produce(client, '106', 600)
  await sleep(40)
  api?.command.child.kill('SIGKILL')
  await api?.command.ended
  await sleep(200)
  runCommand(t, ['serve', '--port', new URL(url).port], real.env)
  const ids = await producing
  await client.close()
  t.match(client.stats(), { recorded: 600, failed: 0 })
  t.ok(client.stats().retries > 0)
  const reader = http(url, key)
  await eventually(async () => (await reader.get('/readyz')).status, (status) => status === 200)
  const { text } = await reader.get(`/v1/streams/${tenant.replaceAll('-', '~')}.order-106/events`)
  const recorded = text.trim().split('\n').map((line) => JSON.parse(line).id)
  t.strictSame(recorded.filter((id) => id !== undefined), ids)
})

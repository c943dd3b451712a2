import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { listeningLedger, orderEvent, produce } from './ledger.ts'

const ledger = await listeningLedger(t)
const { proxy, trail } = ledger

t.test('a ledger that is slow gets each event once, in order', async (t) => {
  const client = ledger.client(t, { timeoutMs: 500, batch: { events: 50, lingerMs: 5 } })
  proxy.faults.latencyMs = 400
  const producing = produce(client, '101', 150)
  await sleep(700)
  t.equal(client.stats().recorded, 0, 'every attempt ended before its answer')
  proxy.faults.latencyMs = 5
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
  const ids = await produce(client, '102', 800)
  clearInterval(cutting)
  await client.flush()
  t.strictSame(await trail('order:102'), ids)
  t.match(client.stats(), { recorded: 800, failed: 0, buffered: 0 })
  t.ok(client.stats().retries > 1, `${client.stats().retries} retries`)
})

t.test('while the log is away the ledger answers 503; then everything arrives', async (t) => {
  const client = ledger.client(t, { buffer: { events: 100 }, batch: { events: 30, lingerMs: 5 } })
  await client.append(orderEvent('104'))
  const producing = produce(client, '103', 300)
  await ledger.node.kill()
  for (let waits = 0; client.stats().retries === 0 && waits < 1_000; waits++) await sleep(10)
  await ledger.node.start()
  const ids = await producing
  await client.flush()
  t.strictSame(await trail('order:103'), ids)
  t.ok(client.stats().retries > 0)
})

t.test('callers who append together while connections break each get their receipt', async (t) => {
  const client = ledger.client(t)
  const cutting = setInterval(() => { proxy.cut() }, 150)
  t.teardown(() => { clearInterval(cutting) })
  const callers = Array.from({ length: 8 }, async (_, caller) => {
    const ids: string[] = []
    for (let n = 0; n < 6; n++) {
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

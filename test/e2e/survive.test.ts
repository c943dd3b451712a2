import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { FaultProxy } from '../fault-proxy.ts'
import { eventually } from './command.ts'
import { allPages, client, type Answer, type Client } from './http.ts'
import { orderEvent, testLedger, testTenant } from './ledger.ts'

const AWAY_MS = 10_000
const RETRIES = 100
const WRITERS = 8

const ledger = await testLedger(t, { apis: 2, workers: 2 })
const { tenant, key } = await testTenant(ledger)
const producers = ledger.apis.map(({ address }) => client(address, key))
const [one, other] = producers as [Client, Client]

interface Receipt { id: string, stream: string, revision: string, duplicate: boolean }

t.test('one id sent 100 times to two API processes is one event', async (t) => {
  const id = randomUUID()
  const answers = await Promise.all(Array.from({ length: RETRIES }, async (_, index) => {
    return await (index % 2 === 0 ? one : other).post('/v1/events', orderEvent(id, 'retried'))
  }))
  const receipts = answers.map((answer) => answer.json() as Receipt)
  t.equal(answers.every(({ status }) => status === 200 || status === 201), true)
  t.equal(new Set(receipts.map(({ revision }) => revision)).size, 1, 'one and the same receipt')
  t.equal(receipts.filter(({ duplicate }) => !duplicate).length <= 1, true)
  await eventually(async () => (await trail(one, 'retried')).length, (length) => length === 1)
  t.equal((await one.post('/v1/events', orderEvent(id, 'another'))).status, 409, 'other content')
})

t.test('two producers on one stream lose nothing and agree on its order', async (t) => {
  const sent = await Promise.all(producers.flatMap((producer) => {
    return Array.from({ length: 50 }, async () => await append(producer, 'contended'))
  }))
  t.equal(sent.every(({ status }) => status === 201), true)
  const seen = await eventually(() => trail(one, 'contended'), ({ length }) => length === 100)
  t.strictSame(seen.map(({ revision }) => Number(revision)).reverse(),
    Array.from({ length: 100 }, (_, index) => index), 'revisions without gap')
})

for (const { part, proxy, said } of [
  { part: 'database', proxy: ledger.databaseProxy, said: /"database":\{"status":"(?!ok)/ },
  { part: 'log', proxy: ledger.logProxy, said: /"log":\{"status":"(?!ok)/ }
]) {
  t.test(`the ${part} away for 10 s: nothing acknowledged is lost or doubled`, async (t) => {
    const order = `without-${part}`
    const stop = new AbortController()
    const acknowledged = new Set<string>()
    const writers = Array.from({ length: WRITERS }, async (_, index) => {
      await write(producers[index % 2] ?? one, order, acknowledged, stop.signal)
    })
    await sleep(1_000)
    gone(proxy, true)
    const told = await eventually(async () => await one.get('/readyz'),
      ({ status }) => status === 503)
    t.match(told.text, said, '/readyz says what is wrong')
    await sleep(AWAY_MS)
    gone(proxy, false)
    await eventually(async () => (await one.get('/readyz')).status, (status) => status === 200)
    const before = acknowledged.size
    await eventually(async () => acknowledged.size, (size) => size > before + WRITERS)
    stop.abort()
    await Promise.all(writers)

    const ids = await eventually(async () => (await trail(one, order)).map(({ id }) => id),
      (seen) => seen.length >= acknowledged.size)
    t.ok(acknowledged.size > 2 * WRITERS, `${acknowledged.size} acknowledged`)
    t.strictSame([...acknowledged].filter((id) => !ids.includes(id)), [], 'all are there')
    t.equal(new Set(ids).size, ids.length, 'each once')
  })
}

const UNCOMPARED = new Set(['ledger.checkpoint', 'ledger.read'])

t.test('rows and log agree in the end, whoever applied them', async (t) => {
  const fromLog = (await one.get('/v1/replay')).text.trim().split('\n')
    .map((line) => JSON.parse(line) as { id?: string, type?: string })
    // Signed checkpoints are part of the log and of no list; to compare is to read, and recorded.
    .flatMap(({ id, type = '' }) => id === undefined || UNCOMPARED.has(type) ? [] : [id])
  const rows = await eventually(
    async () => (await allPages(one, '/v1/events')).filter(({ action }) => !UNCOMPARED.has(action)),
    ({ length }) => length === fromLog.length)
  t.ok(fromLog.length > 150, `${fromLog.length} events of ${tenant}`)
  t.strictSame(rows.map(({ id }) => id).reverse(), fromLog)
})

async function append (producer: Client, order: string, id = randomUUID()): Promise<Answer> {
  return await producer.post('/v1/events', orderEvent(id, order))
}

/** Appends one event after the other, each repeated with its id until somebody acknowledges it. */
async function write (
  producer: Client, order: string, acknowledged: Set<string>, signal: AbortSignal
): Promise<void> {
  while (!signal.aborted) {
    const id = randomUUID()
    for (let done = false; !done;) {
      const { status, text } = await append(producer, order, id)
      done = status === 200 || status === 201
      if (!done && status !== 503 && status !== 409) throw new Error(`${status} ${text}`)
      if (!done) await sleep(50)
    }
    acknowledged.add(id)
  }
}

async function trail (reader: Client, order: string) {
  return await allPages(reader, `/v1/entities/order/${order}/events`)
}

function gone (proxy: FaultProxy, away: boolean): void {
  proxy.faults.refuse = away
  if (away) proxy.cut()
}

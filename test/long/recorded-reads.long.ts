import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { NO_EVENTS } from '../../src/api/recorded-reads.ts'
import { createLog } from '../../src/ledger/client.ts'
import { event, testService } from '../api/service.ts'
import { client } from '../e2e/http.ts'
import { testLedger, testTenant } from '../e2e/ledger.ts'
import type { FaultProxy } from '../fault-proxy.ts'

const PAGE = 50
const ROUNDS = 300
const ROUTE = '/v1/events'
const READS = 2_000
const READERS = 8

t.test(`what recording adds to a page of ${PAGE}`, async (t) => {
  const { append, call } = await testService(t)
  await append('acme', Array.from({ length: 4 * PAGE }, (_, n) => event({
    actor: { type: 'user', id: `u-${n}`, name: 'Alice', email: 'alice@example.com' },
    entity: { type: 'order', id: String(n) }
  })))
  const page = async (query: string): Promise<number> => {
    const started = performance.now()
    const answer = await call('acme.auditor', `${ROUTE}?limit=${PAGE}&entityType=order${query}`)
    const took = performance.now() - started
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return took
  }
  // The product has no switch; what is listed as giving out no events is not recorded.
  const unrecorded = NO_EVENTS as Set<string>
  const times: Record<'without' | 'counted' | 'first', number[]> = {
    without: [], counted: [], first: []
  }
  for (let round = 0; round < ROUNDS; round++) {
    unrecorded.add(ROUTE)
    times.without.push(await page(''))
    unrecorded.delete(ROUTE)
    times.counted.push(await page(''))
    times.first.push(await page(`&tag=${randomUUID()}&actor=user:u-1`))
  }
  const [without, counted, first] =
    [times.without, times.counted, times.first].map((all) => median(all.slice(ROUNDS / 10)))
  if (without === undefined || counted === undefined || first === undefined) throw new Error('none')
  t.comment(`${without.toFixed(2)} ms without, ${counted.toFixed(2)} ms counted ` +
    `(${(counted / without).toFixed(3)}); ${first.toFixed(2)} ms the first of a filter that ` +
    'finds nothing')
  t.ok(counted / without < 1.5)
})

t.test('what is given out is on record, however often the log goes away', async (t) => {
  const ledger = await testLedger(t, { apis: 1, workers: 1, logLevel: 'fatal' })
  const { key } = await testTenant(ledger)
  const reader = client(ledger.apis[0]?.address ?? '', key)
  const stop = new AbortController()
  const faults = breakAgainAndAgain(ledger.logProxy, stop.signal)
  const given = new Set<string>()
  let refused = 0
  await Promise.all(Array.from({ length: READERS }, async () => {
    for (let n = 0; n < READS / READERS; n++) {
      const from = new Date(Math.floor(Math.random() * 1e12)).toISOString()
      const { status } = await reader.get(`${ROUTE}?from=${from}`)
      if (status === 200) given.add(from)
      else refused++
    }
  }))
  stop.abort()
  const count = await faults
  const log = createLog({ url: ledger.node.url })
  const told = new Set<string>()
  for await (const { type, data } of log.readAll()) {
    if (type !== 'ledger.read') continue
    told.add((data as { data: { filters: { from: string } } }).data.filters.from)
  }
  await log.close()
  t.comment(`${given.size} reads given out, ${refused} refused, ${count} faults`)
  t.ok(refused > 0 && given.size > 0)
  t.strictSame([...given].filter((from) => !told.has(from)), [], 'each is on record')
})

/** Away for a moment, and back for a moment; returns how often, once it is over. */
async function breakAgainAndAgain (proxy: FaultProxy, signal: AbortSignal): Promise<number> {
  let count = 0
  for (; !signal.aborted; count++) {
    proxy.faults.refuse = true
    proxy.cut()
    await sleep(Math.random() * 400)
    proxy.faults.refuse = false
    await sleep(200 + Math.random() * 600)
  }
  return count
}

function median (values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { createCoalesced } from '../../src/api/coalesce.ts'
import { createReads, NO_EVENTS } from '../../src/api/recorded-reads.ts'
import { createLog } from '../../src/ledger/client.ts'
import { event, testService } from '../api/service.ts'
import { client } from '../e2e/http.ts'
import { testLedger, testTenant } from '../e2e/ledger.ts'
import type { FaultProxy } from '../fault-proxy.ts'

const PAGE = 50
const ROUNDS = 600
const WARM_UP = 100
const ROUTE = '/v1/events'
const READS = 2_000
const READERS = 8
const COUNTED = 200_000

t.test(`what recording adds to a page of ${PAGE}`, async (t) => {
  const { append, call } = await testService(t)
  await append('acme', Array.from({ length: 4 * PAGE }, (_, n) => event({
    actor: { type: 'user', id: `u-${n}`, name: 'Alice', email: 'alice@example.com' },
    entity: { type: 'order', id: String(n) }
  })))
  const page = async (query = ''): Promise<number> => {
    const started = performance.now()
    const answer = await call('acme.auditor', `${ROUTE}?limit=${PAGE}&entityType=order${query}`)
    const took = performance.now() - started
    if (answer.statusCode !== 200) throw new Error(answer.body)
    return took
  }
  // The product has no switch; what is listed as giving out no events is not recorded.
  const unrecorded = NO_EVENTS as Set<string>
  const kinds = {
    without: async () => {
      unrecorded.add(ROUTE)
      return await page().finally(() => { unrecorded.delete(ROUTE) })
    },
    counted: async () => await page()
  }
  const times: Record<keyof typeof kinds, number[]> = { without: [], counted: [] }
  const cpu: Record<keyof typeof kinds, number> = { without: 0, counted: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    // Each is first as often as second, so that whatever one leaves behind meets both.
    const order = round % 2 === 0 ? ['without', 'counted'] : ['counted', 'without']
    for (const kind of order as Array<keyof typeof kinds>) {
      const before = process.cpuUsage()
      const took = await kinds[kind]()
      if (round < WARM_UP) continue
      const { user, system } = process.cpuUsage(before)
      cpu[kind] += user + system
      times[kind].push(took)
    }
  }
  const first: number[] = []
  for (let round = 0; round < ROUNDS / 4; round++) {
    first.push(await page(`&recordedTo=${new Date(Date.now() + 60_000 + round).toISOString()}`))
  }
  const [without, counted] = [median(times.without), median(times.counted)]
  t.comment(`${without.toFixed(2)} ms without, ${counted.toFixed(2)} ms counted ` +
    `(${(counted / without).toFixed(3)}; of the process's CPU ` +
    `${(cpu.counted / cpu.without).toFixed(3)}), ${median(first).toFixed(2)} ms the first of a ` +
    'filter')
  t.ok(cpu.counted / cpu.without < 1.25)
})

t.test('what counting a read costs by itself', async (t) => {
  const coalesced = createCoalesced({
    record: async () => {}, now: Date.now, newId: String, failed: () => {}
  })
  t.teardown(async () => { await coalesced.close() })
  const reads = createReads({
    vault: {
      provision: async () => new Map(),
      find: async () => undefined,
      keys: async () => new Map(),
      refs: async () => [],
      close: async () => {}
    },
    settings: { get: async () => ({}), forget: () => {} },
    requireSoundLog: async () => {}
  }, coalesced)
  const request = {
    caller: { keyId: 'k', tenant: 'acme', name: 'n', roles: ['auditor'], subjectRef: undefined },
    routeOptions: { method: 'GET', url: ROUTE, config: { roles: ['auditor'] } },
    params: {},
    query: { actor: 'user:u-81', category: 'change', limit: 50, cursor: 'x'.repeat(100) },
    eventsRead: 50
  } as unknown as FastifyRequest
  for (let n = 0; n < 10_000; n++) await reads.record(request, { times: 1, rows: 50 })
  const started = process.cpuUsage()
  for (let n = 0; n < COUNTED; n++) await reads.record(request, { times: 1, rows: 50 })
  const { user, system } = process.cpuUsage(started)
  t.comment(`${((user + system) / COUNTED).toFixed(2)} us of CPU for a read that is counted`)
  t.ok((user + system) / COUNTED < 100)
})

t.test('what is given out is on record, however often the log goes away', async (t) => {
  const ledger = await testLedger(t, { apis: 1, workers: 1, logLevel: 'error' })
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

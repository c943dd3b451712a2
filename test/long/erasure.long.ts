import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { EventInput } from '../../schemas/events/index.ts'
import { listEvents } from '../../projections/entries/queries.ts'
import { presentRows } from '../../src/api/present.ts'
import { createShownHeads } from '../../src/api/shown-heads.ts'
import { inTenant } from '../../src/postgres/transaction.ts'
import { openSection, sealSection } from '../../src/privacy/cipher.ts'
import { KEY_TTL_MS } from '../../src/privacy/vault.ts'
import { eraseUnderLoad } from '../e2e/erasing.ts'
import { eventsOf, erasingWorld } from '../worker/erasing.ts'

const PAGE = 50
const PAGE_ROUNDS = 200
const PAGE_HEADS = 1_000
/** More than this no reader shall wait for what is personal, once it was opened. */
const ADDED_MAX_MS = 2
const LARGE = [10_000, 100_000]
/** What a read model may be behind while one person is erased. */
const STANDSTILL_MAX_MS = 60_000
const PERSONS = 200
const ORDERS = 20
const BATCH = 500
const ROUNDS = 20

t.test('1,000 of 5,000 persons are erased while 200 events a second arrive', async (t) => {
  await eraseUnderLoad(t, { subjects: 5_000, erased: 1_000, held: 100, rate: 200 })
})

t.test('what sealing and opening cost', async (t) => {
  const key = { ref: randomUUID(), dataKey: randomBytes(32) }
  const place = { tenant: 'acme', stream: 'acme.order-1', id: randomUUID() }
  const plain = {
    '/actor/id': 'u-81',
    '/actor/name': 'Alice',
    '/actor/email': 'alice@example.com',
    '/context/ip': '203.0.113.9',
    '/context/sessionId': 'session-1'
  }
  const section = sealSection(key, place, plain)
  const seals = perSecond(() => { sealSection(key, place, plain) })
  const opens = perSecond(() => { openSection(key.dataKey, place, section) })
  t.comment(`${seals} seals and ${opens} opens a second on one core`)
  t.ok(seals > 1_000 && opens > 1_000)
})

t.test(`what opening adds to a page of ${PAGE}`, async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  const kinds = { user: 'order.changed', service: 'order.moved' } as const
  await worker.reached(await world.send(Array.from({ length: PAGE }, (_, n) => [
    { ...plain(n), action: kinds.user, actor: person(n) }, { ...plain(n), action: kinds.service }
  ]).flat()))
  const pool = world.database.pool('ledger_api', { pipeline: true })
  let clock = 0
  const vault = await world.anotherVault({ now: () => clock })
  let shownHeads = createShownHeads(PAGE_HEADS)
  const page = async (kind: keyof typeof kinds): Promise<{ ms: number, text: string }> => {
    const started = performance.now()
    const rows = await inTenant(pool, 'acme', async (tx) =>
      await listEvents(tx, { action: kinds[kind] }, { limit: PAGE }))
    const opener = { vault, shownHeads }
    const texts = await presentRows(opener, { tenant: 'acme', access: 'opened' }, rows)
    return { ms: performance.now() - started, text: texts.join() }
  }
  const states = {
    cold () {
      clock += KEY_TTL_MS + 1
      shownHeads = createShownHeads(PAGE_HEADS)
    },
    'with the keys at hand' () { shownHeads = createShownHeads(PAGE_HEADS) },
    warm () {}
  }
  const added: Record<string, number[]> = {}
  for (let round = 0; round < PAGE_ROUNDS; round++) {
    const times: Partial<Record<keyof typeof kinds, number[]>> = {}
    // Who comes first changes: the second one finds the processor warm.
    const order = ['user', 'service'] as const
    for (const kind of round % 2 === 0 ? order : order.toReversed()) {
      times[kind] = []
      for (const prepare of Object.values(states)) {
        prepare()
        const { ms, text } = await page(kind)
        times[kind].push(ms)
        const named = text.split('"name":"Alice Example"').length - 1
        if (named !== (kind === 'user' ? PAGE : 0)) throw new Error(`${named} were opened`)
      }
    }
    Object.keys(states).forEach((state, n) => {
      const [user = NaN, service = NaN] = [times.user?.[n], times.service?.[n]]
      added[`${state}, by users`] = [...added[`${state}, by users`] ?? [], user]
      added[`${state}, by services`] = [...added[`${state}, by services`] ?? [], service]
      added[`${state}, added`] = [...added[`${state}, added`] ?? [], user - service]
    })
  }
  for (const [what, ms] of Object.entries(added)) {
    t.comment(`a page of ${PAGE}, ${what}: ${median(ms).toFixed(2)} ms`)
  }
  t.ok(median(added['warm, added'] ?? []) < ADDED_MAX_MS)
})

for (const events of LARGE) {
  t.test(`a person with ${events} events is erased`, async (t) => {
    const world = await erasingWorld(t)
    const worker = world.runner()
    for (let n = 0; n < events; n += 1_000) await world.send(eventsOf('u-large', 1_000))
    await worker.reached(await world.send(eventsOf('u-small', 4)))
    const { position } = await world.request('u-large')
    await worker.reached(position)
    await sleep(100)
    const started = performance.now()
    const done = new AbortController()
    const delays: number[] = []
    const following = (async () => {
      while (!done.signal.aborted) {
        const sent = performance.now()
        await worker.reached(await world.send(eventsOf('u-other', 1)))
        delays.push(performance.now() - sent)
      }
    })()
    const eraser = world.erasures()
    while ((await world.states())['executed'] !== 1) await eraser.step()
    done.abort()
    await following
    const standstill = Math.max(...delays)
    const tookMs = performance.now() - started
    t.comment(`erased ${events} events in ${tookMs.toFixed(0)} ms; an event ` +
      `of somebody else took ${standstill.toFixed(0)} ms at most to be shown, ` +
      `${median(delays).toFixed(0)} ms in the median`)
    t.ok(standstill < STANDSTILL_MAX_MS)
    t.match(await world.rows("select rows ->> 'entry' as n from control.erased"),
      [{ n: String(events) }])
  })
}

t.test('what sealing adds to an append', async (t) => {
  const world = await erasingWorld(t)
  const kinds = {
    known: (n: number): EventInput => ({ ...plain(n), actor: person(n % PERSONS) }),
    new: (n: number): EventInput => ({ ...plain(n), actor: person(n + PERSONS) }),
    service: plain
  }
  const times: Record<keyof typeof kinds, number[]> = { known: [], new: [], service: [] }
  await world.send(Array.from({ length: PERSONS }, (_, n) => kinds.known(n)))
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ['known', 'new', 'service'] as const) {
      const events = Array.from({ length: BATCH }, (_, n) => kinds[kind](round * BATCH + n))
      const started = performance.now()
      await world.send(events)
      times[kind].push(performance.now() - started)
    }
  }
  const [known, strangers, service] = [times.known, times.new, times.service].map(median) as
    [number, number, number]
  const ofOne = (ms: number): string => `${(ms / BATCH * 1_000).toFixed(0)} us`
  t.comment(`an event in batches of ${BATCH}: ${ofOne(service)} by a service, ${ofOne(known)} by ` +
    `somebody known (${(known / service).toFixed(2)}), ${ofOne(strangers)} by somebody new ` +
    `(${(strangers / service).toFixed(2)})`)
  t.ok(known / service < 5)
})

/** An event in which only the actor can be a person. */
function plain (n: number): EventInput {
  return {
    action: 'order.updated',
    category: 'change',
    outcome: 'success',
    actor: { type: 'service', id: `s-${n % PERSONS}`, name: 'Robot' },
    entity: { type: 'order', id: String(n % ORDERS) },
    context: { ip: '203.0.113.9', sessionId: `session-${n}` },
    before: { status: 'pending' },
    after: { status: 'paid' }
  }
}

function person (n: number): EventInput['actor'] {
  return { type: 'user', id: `u-${n}`, name: 'Alice Example', email: 'alice@example.com' }
}

function perSecond (work: () => void): number {
  for (let n = 0; n < 20_000; n++) work()
  const started = performance.now()
  let done = 0
  while (performance.now() - started < 2_000) {
    for (let n = 0; n < 1_000; n++) work()
    done += 1_000
  }
  return Math.round(done / (performance.now() - started) * 1_000)
}

function median (values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}

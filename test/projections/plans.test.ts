import t from 'tap'

import { aggregate } from '../../projections/activity-summaries/aggregate.ts'
import { userSummary } from '../../projections/activity-summaries/queries.ts'
import {
  countEvents, countSelection, countUntil, findEvent, listEvents, listPositions, listSelection,
  projectedLookup, type EventFilter
} from '../../projections/entries/queries.ts'
import { countRemoved, findRemoved } from '../../projections/entries/removed.ts'
import { countTrail, listTrail, trailUntil } from '../../projections/entity-trails/queries.ts'
import {
  leavesFrom, leavesAt, leavesOfEvents, leavesOfStream, nodeReader, readLeaves, sealedRevisions
} from '../../projections/merkle/queries.ts'
import { planInclusion } from '../../src/proof/merkle-proof.ts'
import { PROJECTIONS } from '../../projections/index.ts'
import type { Statement, Tx } from '../../projections/projection.ts'
import { dueEntries } from '../../projections/retention/due.ts'
import { listTasks } from '../../projections/tasks/queries.ts'
import { countFeed, listFeed } from '../../projections/user-feeds/queries.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { inTenant, inTransaction } from '../../src/postgres/transaction.ts'
import { decodedEvent, given, uuid } from '../given.ts'

const EVENTS = 20_000
const BATCH = 2_000
const REF = uuid(1_000_003)

function event (n: number): DecodedEvent {
  const entity = { type: n % 50 === 0 ? 'invoice' : 'order', id: String(n % 2_000) }
  return decodedEvent(n, {
    stream: `acme.${entity.type}-${entity.id}`,
    revision: BigInt(n),
    action: n % 400 === 0 ? 'auth.login_failed' : `order.updated${n % 7}`,
    ...n % 20 === 0 ? { correlationId: `c-${n % 1_000}` } : {},
    data: {
      tenant: n % 10 === 0 ? 'other' : 'acme',
      category: n % 400 === 0 ? 'auth' : n % 4 === 0 ? 'task' : 'change',
      outcome: n % 100 === 0 ? 'denied' : 'success',
      source: n % 500 === 0 ? 'rare' : 'shop',
      actor: n % 5 === 0
        ? { type: 'service', id: `s-${n % 300}` }
        : { type: 'user', ref: uuid(1_000_000 + n % 500) },
      entity,
      context: { ip: `10.0.${n % 50}.1`, sessionId: `s${n % 4_000}` },
      ...n % 90 === 0 ? { tags: ['vip'] } : {}
    }
  })
}

const PAGE = { limit: 50, before: 1_500_000n }
const FILTERS: EventFilter[] = [
  {}, { actor: { type: 'user', key: REF } }, { actor: { type: 'service', key: 's-5' } },
  { actor: { key: 's-5' } }, { entity: { type: 'order', key: '7' } }, { entityType: 'invoice' },
  { action: 'auth.login_failed' }, { action: 'auth.*' }, { category: 'auth' },
  { category: 'change' }, { outcome: 'denied' }, { outcome: 'success' }, { source: 'rare' },
  { tag: 'vip' }, { ip: ['10.0.7.1', 'x'] }, { session: ['s7'] }, { correlationId: 'c-40' },
  { from: '2026-01-01T01:00:00.000Z', to: '2026-01-01T01:10:00.000Z' },
  { recordedFrom: '2026-01-01T01:00:00.000Z', recordedTo: '2026-01-01T01:10:00.000Z' },
  { actor: { type: 'user', key: REF }, category: 'change', tag: 'vip' },
  { q: 'order' }, { q: 'login fail*', outcome: 'denied' },
  { q: 'order', entity: { type: 'order', key: '7' } }
]

/** One event in eight, none of which is asked for below. */
const REMOVED = {
  tenant: 'acme',
  run: BigInt(EVENTS) * 100n,
  positions: Array.from({ length: EVENTS / 8 }, (_, i) => BigInt(i * 8 + 5) * 100n)
}
const HOURS = { from: '2026-01-01T01:00:00.000Z', to: '2026-01-01T01:10:00.000Z' }
const order = { type: 'order', key: '7' }
const inRead = (query: (tx: Tx) => Promise<unknown>) => async (tx: Tx) => {
  await tx.query("select set_config('search_path', 'read', true)")
  await query(tx)
}
const QUERIES: Record<string, (tx: Tx) => Promise<unknown>> = {
  leavesOfEvents: inRead(async (tx) => await leavesOfEvents(tx, [uuid(7), uuid(19_999)])),
  leavesAt: inRead(async (tx) => await leavesAt(tx, [700n, 1_900n, 900_000n])),
  leavesOfStream: inRead(async (tx) =>
    await leavesOfStream(tx, 'acme.order-7', { from: 0n, limit: 50 })),
  nodeReader: inRead(async (tx) =>
    await nodeReader(tx, planInclusion(7n, 18_000n).flat(), 18_000n)),
  readLeaves: inRead(async (tx) => await readLeaves(tx, 512n, 768n)),
  leavesFrom: inRead(async (tx) => await leavesFrom(tx, 512n, 500)),
  sealedRevisions: inRead(async (tx) => await sealedRevisions(tx, 'acme.order-7', 9_000n)),
  findEvent: async (tx) => await findEvent(tx, uuid(7)),
  projectedLookup: async (tx) =>
    await projectedLookup(tx, [uuid(7), uuid(8)], ['acme.order-7', 'acme.order-8']),
  findRemoved: async (tx) => await findRemoved(tx, uuid(5)),
  countRemoved: async (tx) => await countRemoved(tx, 'acme.order-5', { revision: 100n }),
  dueEntries: async (tx) => await dueEntries(tx, 'acme', {
    category: 'auth', action: null, cutoff: '2026-01-01T01:00:00.000Z'
  }, { after: -1n, limit: 100 }),
  'failed sign-ins': async (tx) => await listSelection(tx, {
    filter: { category: 'auth', failed: true, from: '2026-01-01T01:00:00.000Z' }
  }, PAGE),
  'a list without the ledger\'s own': async (tx) =>
    await listSelection(tx, { filter: { notOwn: true } }, PAGE),
  'the same of a category': async (tx) => await countSelection(
    tx, { filter: { notOwn: true, category: 'auth' } }, 10_001),
  listFeed: async (tx) => await listFeed(tx, { ref: REF }, {}, PAGE),
  'listFeed with a filter': async (tx) =>
    await listFeed(tx, { ref: REF }, { category: 'auth' }, PAGE),
  countFeed: async (tx) => await countFeed(tx, { ref: REF }, {}, 10_001),
  countUntil: async (tx) => await countUntil(tx, {
    filter: {}, driver: { table: 'user_feed', ref: REF }
  }, 900_000n),
  listTrail: async (tx) => await listTrail(tx, order, {}, PAGE),
  countTrail: async (tx) => await countTrail(tx, order, { outcome: 'success' }, 10_001),
  trailUntil: async (tx) => await collect(trailUntil(tx, order, { position: 900_000n })),
  'parts of days aggregated': async (tx) => await aggregate(tx, 'action', HOURS, 20),
  'hours of a user aggregated': async (tx) =>
    await aggregate(tx, 'hour', { actor: { type: 'user', key: REF } }, 20),
  'sources of an action aggregated': async (tx) =>
    await aggregate(tx, 'source', { action: 'auth.*', from: HOURS.from }, 20),
  userSummary: async (tx) => await userSummary(tx, { type: 'user', key: REF }),
  listTasks: async (tx) => await listTasks(tx, {}, PAGE),
  'listTasks by status': async (tx) => await listTasks(tx, { status: 'open' }, PAGE),
  'listTasks of an entity': async (tx) => await listTasks(tx, { entity: order }, PAGE)
}

t.test('no query reads a whole table', async (t) => {
  let store = given(t, ...PROJECTIONS)
  for (let from = 1; from <= EVENTS; from += BATCH) {
    store = store.events(Array.from({ length: BATCH }, (_, i) => event(from + i)))
  }
  const { read, database } = await store.ready()
  const owner = database.pool('ledger_worker')
  const removals = await inTransaction(owner, async (tx) => {
    await tx.query(`set local search_path =
      entries_v2_g1, user_feeds_v4_g1, entity_trails_v2_g1, search_v1_g1`)
    await tx.query('analyze')
    return await explained(tx, async (tx) => {
      for (const { remove } of PROJECTIONS) await remove?.(REMOVED, tx)
    })
  })
  t.equal(removals.length, 5)
  for (const plan of removals) t.notMatch(plan, /Seq Scan/, 'removal')
  await owner.query('analyze')

  const plans = async (query: (tx: Tx) => Promise<unknown>): Promise<string[]> =>
    await read(async (tx) => await explained(tx, query))
  for (const filter of FILTERS) {
    const name = JSON.stringify(filter)
    const page = await plans(async (tx) => await listEvents(tx, filter, PAGE))
    for (const plan of page) t.notMatch(plan, /Seq Scan/, name)
    const selection = { filter: { ...filter, until: { position: 1_900_000n } } }
    const onward = { after: 1_500_000n, limit: 50 }
    for (const plan of [
      ...await plans(async (tx) => await listSelection(tx, selection, onward)),
      ...await plans(async (tx) => await listPositions(tx, selection, onward))
    ]) t.notMatch(plan, /Seq Scan/, `${name}: exported`)
    const count = await plans(async (tx) => await countEvents(tx, filter, 100))
    t.ok(count.length > 0)
    // To count rows that are everywhere, the table is as good as any index.
    if (Object.keys(filter).length > 0 && filter.category !== 'change' &&
      filter.outcome !== 'success') t.notMatch(count.join(), /Seq Scan/, `${name}: counted`)
  }
  for (const [name, query] of Object.entries(QUERIES)) {
    const found = await plans(query)
    t.ok(found.length > 0)
    // Holds are few, and none here.
    for (const plan of found) t.notMatch(plan, /Seq Scan on (?!hold\b)/, name)
  }
})

t.test('words are found by their index alone', async (t) => {
  const { database } = await given(t, ...PROJECTIONS)
    .events(Array.from({ length: BATCH }, (_, i) => event(i + 1))).ready()
  const owner = database.pool('ledger_worker', { max: 1 })
  await owner.query('analyze')
  const pool = database.pool('ledger_api', { max: 1 })
  const filter = { q: 'order updated3' }
  const scans = await inTenant(pool, 'acme', async (tx) => {
    t.equal((await listEvents(tx, filter, PAGE)).length, 50)
    t.equal(await countEvents(tx, filter, 300), 257)
    const { rows } = await tx.query<{ name: string, scans: bigint }>(`
      select c.relname as name, pg_stat_get_xact_numscans(c.oid) as scans
      from pg_class c where c.relname like 'entry_words%' and c.relkind in ('r', 'i') order by 1`)
    return rows
  })
  t.strictSame(scans, [
    { name: 'entry_words', scans: 0n },
    { name: 'entry_words_gin', scans: 2n },
    { name: 'entry_words_pkey', scans: 0n }
  ])
})

/** Runs the query on a connection that explains every statement besides. */
async function explained (tx: Tx, query: (tx: Tx) => Promise<unknown>): Promise<string[]> {
  const plans: string[] = []
  await query({
    async query<Row extends object> (statement: string | Statement, values?: unknown[]) {
      const text = typeof statement === 'string' ? statement : statement.text
      const { rows } = await tx.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values)
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
      return await tx.query<Row>(statement, values)
    }
  })
  return plans
}

async function collect<T> (items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const item of items) collected.push(item)
  return collected
}

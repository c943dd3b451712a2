import t from 'tap'
import { countEvents, listEvents, type EventFilter } from '../../projections/entries/queries.ts'
import { PROJECTIONS } from '../../projections/index.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { inTenant, inTransaction } from '../../src/postgres/transaction.ts'
import { createGeneration, goLive } from '../../src/worker/generations.ts'
import { searchPath, type Target } from '../../src/worker/rows.ts'
import { eventSeries } from '../bench/generator.ts'
import { decodedEvent, uuid } from '../given.ts'
import { testDatabase, type TestDatabase } from '../helper.ts'

const EVENTS = Number(process.env['EVENTS'] ?? 100_000)
const BATCH = 1_000
/** Bytes of the log that such an event takes. */
const LENGTH = 1_300n
const RUNS = 30
const SEARCHES = {
  'a common word': 'order',
  'a rare word': 'needle',
  'two common words that meet': 'invoice shipped',
  'two common words that never meet': 'order invoice',
  'a common and a rare word': 'order needle',
  'words one after the other': '"team 7"',
  'the beginning of a common word': 'ord*',
  'the beginning of a rare word': 'needl*',
  'no hit': 'nothing'
}

t.test('what searching costs', { timeout: 1_800_000 }, async (t) => {
  const database = await testDatabase(t)
  const cost = await fill(database)
  const others = Object.entries(cost).filter(([name]) => name !== 'search')
  const sum = others.reduce((total, [, ms]) => total + ms, 0)
  t.comment(`${EVENTS} events; to project, ms: ${JSON.stringify(cost)}; ` +
    `search / entries ${((cost['search'] ?? 0) / (cost['entries'] ?? 1)).toFixed(2)}, ` +
    `search / all others ${((cost['search'] ?? 0) / sum).toFixed(2)}`)
  t.comment(`bytes per event: ${JSON.stringify(await sizes(database))}`)

  const pool = database.pool('ledger_api', { pipeline: true, max: 1 })
  const timed = async (filter: EventFilter): Promise<string> => {
    const times: number[] = []
    let found = 0
    for (let run = 0; run < RUNS; run++) {
      const started = performance.now()
      found = await inTenant(pool, 'acme', async (tx) =>
        (await listEvents(tx, filter, { limit: 50 })).length)
      times.push(performance.now() - started)
    }
    times.sort((one, other) => one - other)
    const [p50 = 0, p99 = 0] = [times[RUNS >> 1], times.at(-1)]
    return `${found} found, p50 ${p50.toFixed(2)} ms, slowest ${p99.toFixed(2)} ms`
  }
  t.comment(`no search: ${await timed({})}`)
  for (const [name, text] of Object.entries(SEARCHES)) {
    t.comment(`${name}: ${await timed({ q: text })}`)
  }
  const count = async (text: string): Promise<number> => await inTenant(pool, 'acme',
    async (tx) => await countEvents(tx, { q: text }, 10_001))
  t.equal(await count('needle'), Math.floor(EVENTS / 10_000))
  t.equal(await count('nothing'), 0)
})

/** Applies the events to every read model but the tree; returns what each has cost. */
async function fill (database: TestDatabase): Promise<Record<string, number>> {
  const worker = database.pool('ledger_worker', { pipeline: true })
  const projections = PROJECTIONS.filter(({ name }) => name !== 'merkle')
  const targets: Target[] = []
  for (const projection of projections) {
    targets.push(await inTransaction(worker, async (tx) => {
      const generation = await createGeneration(tx, projection)
      await goLive(tx, projection, generation)
      return { projection, generation }
    }))
  }
  const next = eventSeries(7)
  const cost: Record<string, number> = {}
  const park = (_event: DecodedEvent, code: string): void => { throw new Error(code) }
  for (let from = 0; from < EVENTS; from += BATCH) {
    const events = Array.from({ length: BATCH }, (_, i) => eventOf(from + i, next()))
    await inTransaction(worker, async (tx) => {
      await tx.query(`set local search_path = ${searchPath(targets)}`)
      for (const { name, apply } of projections) {
        const started = performance.now()
        await apply({ events, park }, tx)
        cost[name] = Math.round((cost[name] ?? 0) + performance.now() - started)
      }
    })
  }
  await worker.query('analyze')
  return cost
}

function eventOf (n: number, sent: ReturnType<ReturnType<typeof eventSeries>>): DecodedEvent {
  const { action, category, actor, outcome, entity, tags, before, after, data, description } = sent
  const sealed = { ref: uuid(n % 5_000), paths: ['/actor/id'], commit: 'c', iv: 'i' }
  return decodedEvent(n, {
    position: BigInt(n) * LENGTH,
    action,
    data: {
      tenant: n % 10 < 7 ? 'acme' : 'other',
      category,
      outcome: outcome ?? 'success',
      actor: actor.type === 'user' ? { type: 'user', ref: sealed.ref } : { type: 'system' },
      ...entity !== undefined && { entity },
      ...tags !== undefined && { tags },
      ...description !== undefined && { description },
      ...n % 10_000 === 11 && { description: 'a needle' },
      before,
      after,
      data,
      sealed: [{ ...sealed, ct: 'x'.repeat(200) }]
    }
  })
}

async function sizes (database: TestDatabase): Promise<Record<string, number>> {
  const { rows } = await database.pool('ledger_worker').query<{ name: string, bytes: string }>(`
    select case when n.nspname ~ '^search' then c.relname else 'all others' end as name,
      sum(pg_relation_size(c.oid))::text as bytes
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname ~ '_g1$' and c.relkind in ('r', 'i') group by 1`)
  return Object.fromEntries(rows.map(({ name, bytes }) => [name, Math.round(+bytes / EVENTS)]))
}

import fc from 'fast-check'
import t from 'tap'

import { entries } from '../../../projections/entries/projection.ts'
import {
  countEvents, listEvents, type EventFilter, type Page
} from '../../../projections/entries/queries.ts'
import { entityTrails } from '../../../projections/entity-trails/projection.ts'
import { search } from '../../../projections/search/projection.ts'
import { EVENT_WORDS_MAX, vectorOf } from '../../../projections/search/vector.ts'
import { userFeeds } from '../../../projections/user-feeds/projection.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'
import { inTenant, inTransaction } from '../../../src/postgres/transaction.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

const ALICE = uuid(901)
/** Bytes between events: 600 of them lie in several pieces of both kinds. */
const STEP = 250_000n
const COUNT = 600

function event (n: number): DecodedEvent {
  return decodedEvent(n, {
    position: BigInt(n) * STEP,
    action: n % 3 === 0 ? 'order.updated' : 'invoice.sent',
    data: {
      tenant: n % 10 === 9 ? 'other' : 'acme',
      outcome: n % 50 === 0 ? 'failure' : 'success',
      actor: n % 4 === 0 ? { type: 'user', ref: ALICE } : { type: 'service', id: 's' },
      entity: { type: 'order', id: `A-${n % 7}`, ...n === 5 && { name: 'The Golden Order' } },
      ...n === 11 && { description: 'A needle in the haystack' },
      ...n % 100 === 1 && { tags: ['Großkunde'] },
      ...n === 13 && { related: [{ type: 'shop', id: 's1', name: 'Café Zürich' }] },
      data: { note: `number ${n}`, deep: [{ text: n === 17 ? 'buried' : 'plain' }], n: 4711 },
      ...n === 20 && { before: { status: 'draft' }, after: { status: 'archived' } },
      ...n === 23 && { changes: [{ path: '/s', before: 'lost', after: 'recovered' }] }
    }
  })
}

const EVENTS = Array.from({ length: COUNT }, (_, n) => event(n + 1))
const projections = [entries, userFeeds, entityTrails, search]
const store = await given(t, ...projections)
  .events(EVENTS.slice(0, 250)).events(EVENTS.slice(250)).ready()
const pool = store.database.pool('ledger_api', { pipeline: true, max: 2 })

/** The numbers of the events on a page. */
async function find (
  filter: EventFilter, page: Page = { limit: 1_000 }, tenant = 'acme'
): Promise<number[]> {
  return await inTenant(pool, tenant, async (tx) =>
    (await listEvents(tx, filter, page)).map(({ position }) => Number(position / STEP)))
}

const numbers = (tenant: string, wanted: (n: number) => boolean): number[] => EVENTS
  .map((_, index) => COUNT - index)
  .filter((n) => (n % 10 === 9 ? 'other' : 'acme') === tenant && wanted(n))

t.test('events are found by everything that they say in clear', async (t) => {
  const cases: Array<[string, number[]]> = [
    ['needle', [11]], ['NEEDLE haystack', [11]], ['"the haystack"', [11]], ['golden', [5]],
    ['cafe zurich', [13]], ['buried', [17]], ['archived', [20]], ['draft archived', [20]],
    ['recovered', [23]], ['"number 31"', [31]], ['invoice needle', [11]], ['hayst*', [11]],
    ['"number bur*"', []], ['4711', []], ['"needle haystack"', []], ['absent', []],
    ['grosskunde', numbers('acme', (n) => n % 100 === 1)],
    ['order.updated', numbers('acme', (n) => n % 3 === 0)],
    ['upd*', numbers('acme', (n) => n % 3 === 0)],
    ['"sent a"', []],
    ['plain', numbers('acme', (n) => n !== 17)]
  ]
  for (const [text, expected] of cases) {
    t.strictSame(await find({ q: text }), expected, text)
    const count = await inTenant(pool, 'acme', async (tx) =>
      await countEvents(tx, { q: text }, 10_001))
    t.equal(count, expected.length, `${text}: counted`)
  }
})

t.test('pages of a search follow each other without gap or repetition', async (t) => {
  const expected = numbers('acme', (n) => n % 3 === 0)
  const filter = { q: 'order.updated' }
  await fc.assert(fc.asyncProperty(fc.integer({ min: 20, max: 150 }), async (limit) => {
    const found: number[] = []
    let before: bigint | undefined
    while (true) {
      const page = await find(filter, { limit, before })
      if (page.length === 0) break
      found.push(...page)
      before = BigInt(page.at(-1) ?? 0) * STEP
    }
    t.strictSame(found, expected)
  }), { numRuns: 4 })
  const ahead = await find(filter, { limit: 10, after: 100n * STEP })
  t.strictSame(ahead, expected.filter((n) => n > 100).slice(-10), 'the first ones after')
  const between = await find(filter, { limit: 10, after: 100n * STEP, before: 130n * STEP })
  t.strictSame(between, expected.filter((n) => n > 100 && n < 130).slice(0, 10))
})

t.test('words and other filters must all hold, whichever finds the events', async (t) => {
  const order = { q: 'number order' }
  t.strictSame(await find({ ...order, outcome: 'failure' }),
    numbers('acme', (n) => n % 150 === 0))
  t.strictSame(await find({ q: 'number', action: 'order.*' }),
    numbers('acme', (n) => n % 3 === 0))
  const actor = { type: 'user', key: ALICE }
  t.strictSame(await find({ q: 'invoice', actor }),
    numbers('acme', (n) => n % 3 !== 0 && n % 4 === 0))
  t.strictSame(await find({ q: 'needle', entity: { type: 'order', key: 'A-4' } }), [11])
  t.strictSame(await find({ q: 'needle', tag: 'Großkunde' }), [])
  t.strictSame(await find({ q: 'number', tag: 'Großkunde' }, { limit: 2 }), [501, 401])
})

t.test('nobody finds another tenant\'s words, whatever is asked of the database', async (t) => {
  t.strictSame(await find({ q: 'number' }, { limit: 1_000 }, 'other'),
    numbers('other', () => true))
  t.strictSame(await find({ q: 'needle' }, { limit: 10 }, 'other'), [])
  const has = async (tenant: string, n: number, query: string): Promise<unknown> =>
    await inTenant(pool, tenant, async (tx) => (await tx.query(
      'select control.has_words($1, $2::tsquery) as has', [BigInt(n) * STEP, query])).rows)
  t.match(await has('acme', 11, "'needle'"), [{ has: true }])
  t.match(await has('other', 11, "'needle'"), [{ has: false }])
  t.match(await has('other', 11, "'needle' | 'x'"), [{ has: false }])
  t.match(await has('other', 11, "!'x'"), [{ has: false }])
  const all = (marks: string): string => `
    select control.found($1::tsquery, $2::tsquery, '${marks}', 0, 0, 9000000000) as position`
  for (const query of ["'acme/0'", "'acme:0' | 'x'", "!'x'", "'needle' | !'needle'"]) {
    const { rows } = await inTenant(pool, 'other', async (tx) =>
      await tx.query(all(':'), [query, "!'x'"]))
    for (const { position } of rows) t.equal(position / STEP % 10n, 9n, query)
  }
  const none = await pool.query(all(':'), ["!'x'", "!'x'"])
  t.strictSame(none.rows, [], 'without a tenant there is nothing')
  for (const place of ['read.entry_words', 'search_v1_g1.entry_words']) {
    await t.rejects(pool.query(`select words from ${place}`), { code: '42501' }, place)
  }
})

t.test('what retention removes is not found any more, and nothing else goes', async (t) => {
  const remove = async (tenant: string, numbers: readonly number[]): Promise<void> => {
    await inTransaction(store.worker, async (tx) => {
      await tx.query('set local search_path = search_v1_g1')
      const positions = numbers.map((n) => BigInt(n) * STEP)
      await search.remove?.({ tenant, run: 0n, positions }, tx)
    })
  }
  const has = async (): Promise<number[]> => await find({ q: 'needle' })
  await remove('other', [11, 12])
  t.strictSame(await has(), [11], 'another tenant has no event there')
  await remove('acme', [10, 11, 19])
  t.strictSame(await has(), [])
  t.strictSame(await find({ q: '"number 10"' }), [])
  t.strictSame(await find({ q: '"number 12"' }), [12])
  t.strictSame(await find({ q: '"number 19"' }, { limit: 2 }, 'other'), [19])
})

t.test('nothing sealed and no person is in the index', async (t) => {
  const canary = decodedEvent(1, {
    action: 'patient.seen',
    data: {
      actor: { type: 'user', ref: ALICE },
      entity: { type: 'patient', ref: uuid(902) },
      related: [{ type: 'customer', ref: uuid(903) }, { type: 'ward', id: 'W1' }],
      description: null,
      context: { ip: '203.0.113.9', userAgent: 'canaryAgent', sessionId: 'canarySession' },
      data: { name: null, note: 'seen' },
      sealed: [
        { ref: ALICE, paths: ['/data/name'], commit: 'canaryA', iv: 'canaryB', ct: 'canaryC' }
      ]
    }
  })
  const vector = vectorOf(canary)
  t.equal(vector, "'acme/0' 'acme:0' 'patient':1 'seen':2,8 'w1':5")
})

t.test('that somebody searched is not found by what they searched for', async (t) => {
  const read = (action: string): string => vectorOf(decodedEvent(1, {
    action, data: { category: 'access', data: { filters: { q: 'needle' } } }
  }))
  t.equal(read('ledger.read'), "'acme/0' 'acme:0' 'ledger':1 'read':2")
  t.match(read('patient.read'), /'needle'/)
})

t.test('an event is found by so many words and no more', async (t) => {
  const text = (count: number): string => Array.from({ length: count }, (_, n) => `w${n}`).join(' ')
  const said = (count: number): string =>
    vectorOf(decodedEvent(1, { data: { description: text(count) } }))
  // The action has two words, the id of the order one.
  t.match(said(EVENT_WORDS_MAX - 3), `'w${EVENT_WORDS_MAX - 4}':`)
  t.notMatch(said(EVENT_WORDS_MAX), `'w${EVENT_WORDS_MAX - 3}':`)
  const many = decodedEvent(1, { data: { tags: Array.from({ length: 16_000 }, () => 'a') } })
  await t.resolves(store.worker.query('select $1::tsvector', [vectorOf(many)]))
})

import t from 'tap'

import { entries } from '../../../projections/entries/projection.ts'
import {
  countEvents, estimateEvents, findEvent, listEvents, projectedLookup, type EventFilter
} from '../../../projections/entries/queries.ts'
import { entityTrails } from '../../../projections/entity-trails/projection.ts'
import { userFeeds } from '../../../projections/user-feeds/projection.ts'
import type { DecodedEvent, RecordedData } from '../../../schemas/recorded.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

const EVENTS = 40
const REF = uuid(901)
const ACTIONS = ['order.updated', 'auth.login_failed', 'auth.logged_in', 'authority.granted']

/** Event n of 40: every filter passes some of them and not others. */
function event (n: number): DecodedEvent {
  const personal: Partial<RecordedData> = {
    actor: { type: 'user', ref: REF },
    sealed: [{
      ref: REF,
      paths: ['/context/ip'],
      commit: 'c',
      iv: 'i',
      ct: 'c',
      find: { '/context/ip': `tag${n % 8}` }
    }]
  }
  const plain: Partial<RecordedData> = {
    actor: n % 3 === 0 ? { type: 'system' } : { type: 'service', id: n % 5 === 0 ? 'b' : 'a' },
    context: { ip: `10.0.0.${n % 4}`, sessionId: `s${n % 5}` }
  }
  return decodedEvent(n, {
    action: ACTIONS[n % 4] ?? '',
    ...n % 3 === 0 ? { correlationId: 'c-3' } : {},
    data: {
      category: n % 4 === 0 ? 'change' : 'auth',
      outcome: n % 10 === 0 ? 'denied' : 'success',
      source: n % 8 === 0 ? 'rare' : 'shop',
      entity: { type: n % 6 === 0 ? 'invoice' : 'order', id: String(n % 7) },
      ...n % 9 === 0 ? { tags: ['vip'] } : {},
      occurredAt: new Date(Date.UTC(2026, 0, 1) - n * 1_000).toISOString(),
      ...n % 2 === 0 ? personal : plain
    }
  })
}

const all = Array.from({ length: EVENTS }, (_, i) => event(i + 1))
const at = (n: number): string => all[n - 1]?.data.occurredAt ?? ''
const recorded = (n: number): string => all[n - 1]?.data.recordedAt ?? ''

const byB = (n: number): boolean => n % 2 > 0 && n % 3 > 0 && n % 5 === 0

/** Filter, and the same in plain words over n. */
const FILTERS: Array<[string, EventFilter, (n: number) => boolean]> = [
  ['none', {}, () => true],
  ['a person', { actor: { type: 'user', key: REF } }, (n) => n % 2 === 0],
  ['a ref without type', { actor: { key: REF } }, (n) => n % 2 === 0],
  ['a person who is none', { actor: { type: 'user', key: 'u-81' } }, () => false],
  ['a service', { actor: { type: 'service', key: 'b' } }, byB],
  ['an id without type', { actor: { key: 'b' } }, byB],
  ['an entity', { entity: { type: 'invoice', key: '6' } }, (n) => n % 6 === 0 && n % 7 === 6],
  ['entity type', { entityType: 'invoice' }, (n) => n % 6 === 0],
  ['action', { action: 'auth.logged_in' }, (n) => n % 4 === 2],
  ['action prefix', { action: 'auth.*' }, (n) => n % 4 === 1 || n % 4 === 2],
  ['category', { category: 'change' }, (n) => n % 4 === 0],
  ['outcome denied', { outcome: 'denied' }, (n) => n % 10 === 0],
  ['outcome success', { outcome: 'success' }, (n) => n % 10 !== 0],
  ['source', { source: 'rare' }, (n) => n % 8 === 0],
  ['tag', { tag: 'vip' }, (n) => n % 9 === 0],
  ['address', { ip: ['10.0.0.1', 'tag2'] }, (n) => n % 4 === 1 || n % 8 === 2],
  ['session', { session: ['s3'] }, (n) => n % 2 === 1 && n % 5 === 3],
  ['correlation', { correlationId: 'c-3' }, (n) => n % 3 === 0],
  ['occurred', { from: at(20), to: at(10) }, (n) => n <= 20 && n > 10],
  ['recorded', { recordedFrom: recorded(10), recordedTo: recorded(20) }, (n) =>
    n >= 10 && n < 20],
  ['all at once', {
    actor: { type: 'user', key: REF },
    entity: { type: 'invoice', key: '4' },
    tag: 'vip',
    category: 'auth',
    action: 'auth.*',
    outcome: 'success',
    source: 'shop'
  }, (n) => n === 18]
]

t.test('filters, pages, counts', async (t) => {
  const others = all.map((one) => decodedEvent(Number(one.position / 100n) + 5_000, {
    id: one.id, action: one.action, data: { ...one.data, tenant: 'other' }
  }))
  const { read } = await given(t, entries, userFeeds, entityTrails)
    .events(all).events(others).ready()

  for (const [name, filter, passes] of FILTERS) {
    const expected = all.map((_, i) => i + 1).filter(passes).reverse()
    const found = await read(async (tx) => await listEvents(tx, filter, { limit: 100 }))
    t.strictSame(found.map(({ position }) => Number(position / 100n)), expected, name)
    const count = await read(async (tx) => await countEvents(tx, filter, 100))
    t.equal(count, expected.length, `${name}: counted`)
    t.type(await read(async (tx) => await estimateEvents(tx, filter)), 'number')
  }

  t.equal(await read(async (tx) => await countEvents(tx, {}, 10)), 10, 'counted up to the cap')
  const filter = { actor: { type: 'user', key: REF } }
  const positions = async (page: { limit: number, before?: bigint, after?: bigint }) =>
    (await read(async (tx) => await listEvents(tx, filter, page)))
      .map(({ position }) => Number(position) / 100)
  t.strictSame(await positions({ limit: 3 }), [40, 38, 36])
  t.strictSame(await positions({ limit: 3, before: 3_600n }), [34, 32, 30])
  t.strictSame(await positions({ limit: 3, after: 3_000n }), [36, 34, 32], 'the first ones after')
  t.strictSame(await positions({ limit: 3, after: 3_600n, before: 4_000n }), [38])
  t.strictSame(await positions({ limit: 3, after: 4_000n }), [])
})

t.test('what a receipt needs is looked up for ids and streams at once', async (t) => {
  const stream = 'acme.order-s'
  const events = [1, 2, 3].map((n) => decodedEvent(n, { stream, revision: BigInt(n - 1) }))
  const { read } = await given(t, entries).events(events).ready()
  const lookup = async (tenant: string) => await read(async (tx) =>
    await projectedLookup(tx, [uuid(2), uuid(9)], [stream, 'acme.order-none']), tenant)
  const found = await lookup('acme')
  t.strictSame([...found.revisions], [[stream, 2n]])
  t.strictSame([...found.known], [[uuid(2), {
    stream,
    revision: 1n,
    position: 200n,
    recordedAt: events[1]?.data.recordedAt,
    leafHash: events[1]?.leafHash
  }]])
  const foreign = await lookup('other')
  t.strictSame([foreign.known.size, foreign.revisions.size], [0, 0])
  t.equal(await read(async (tx) => await findEvent(tx, uuid(1)), 'other'), undefined)
})

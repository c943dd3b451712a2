import t from 'tap'

import { entries } from '../../../projections/entries/projection.ts'
import { countSelection, listSelection } from '../../../projections/entries/queries.ts'
import { userFeeds } from '../../../projections/user-feeds/projection.ts'
import { countFeed, listFeed, ownLog } from '../../../projections/user-feeds/queries.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

const alice = uuid(901)
const bob = uuid(902)
const carol = uuid(903)
const sealed = (ref: string) => ({ ref, paths: ['/data/x'], commit: 'c', iv: 'i', ct: 'c' })

const EVENTS = [
  decodedEvent(1, { data: { actor: { type: 'user', ref: alice } } }),
  decodedEvent(2, { data: { entity: { type: 'patient', ref: alice } } }),
  decodedEvent(3, {
    data: { related: [{ type: 'member', ref: alice }, { type: 'order', id: '9' }] }
  }),
  decodedEvent(4, {
    data: { actor: { type: 'user', ref: carol }, sealed: [sealed(alice), sealed(bob)] }
  }),
  decodedEvent(5, {
    data: {
      actor: { type: 'user', ref: alice },
      entity: { type: 'user', ref: alice },
      related: [{ type: 'member', ref: bob }, { type: 'patient', ref: bob }],
      sealed: [sealed(alice)]
    }
  }),
  decodedEvent(6, { data: { tenant: 'other', actor: { type: 'user', ref: alice } } }),
  decodedEvent(7)
]

t.test('a feed has every event by or about a person, once', async (t) => {
  const rows = await given(t, userFeeds).events(EVENTS.slice(0, 3)).events(EVENTS.slice(3))
    .rows('select ref, position, role from read.user_feed order by ref, position')
  t.strictSame(rows, [
    { ref: alice, position: 100n, role: 'actor' },
    { ref: alice, position: 200n, role: 'served' },
    { ref: alice, position: 300n, role: 'served' },
    { ref: alice, position: 400n, role: 'about' },
    { ref: alice, position: 500n, role: 'actor' },
    { ref: bob, position: 400n, role: 'about' },
    { ref: bob, position: 500n, role: 'about' },
    { ref: carol, position: 400n, role: 'actor' }
  ])
})

t.test('a feed is paged, filtered and counted within its tenant', async (t) => {
  const { read } = await given(t, entries, userFeeds).events(EVENTS).ready()
  const positions = async (ref: string, filter = {}, page = {}, tenant = 'acme') =>
    (await read(async (tx) => await listFeed(tx, { ref }, filter, { limit: 10, ...page }), tenant))
      .map(({ position }) => Number(position) / 100)
  t.strictSame(await positions(alice), [5, 4, 3, 2, 1])
  t.strictSame(await positions(alice, {}, { limit: 2 }), [5, 4])
  t.strictSame(await positions(alice, {}, { limit: 2, before: 400n }), [3, 2])
  t.strictSame(await positions(alice, {}, { limit: 2, after: 200n }), [4, 3])
  t.strictSame(await positions(alice, { actor: { type: 'user', key: alice } }), [5, 1])
  t.strictSame(await positions(alice, { entityType: 'patient' }), [2])
  t.strictSame(await positions(alice, {}, {}, 'other'), [6])
  t.strictSame(await positions(alice, {}, {}, 'third'), [])
  const count = async (filter: object, cap: number) =>
    await read(async (tx) => await countFeed(tx, { ref: alice }, filter, cap))
  t.equal(await count({}, 100), 5)
  t.equal(await count({}, 3), 3)
  t.equal(await count({ entityType: 'patient' }, 100), 1)
})

t.test('one\'s own log leaves out what other persons did to one', async (t) => {
  const { read } = await given(t, entries, userFeeds).events(EVENTS).ready()
  const own = async (ref: string, filter = {}) => await read(async (tx) => {
    const selection = ownLog(ref, filter)
    const rows = await listSelection(tx, selection, { limit: 10 })
    t.equal(await countSelection(tx, selection, 10), rows.length)
    return rows.map(({ position }) => Number(position) / 100)
  }, 'acme')
  t.strictSame(await own(alice), [5, 3, 2, 1])
  t.strictSame(await own(bob), [])
  t.strictSame(await own(carol), [4])
  t.strictSame(await own(alice, { entityType: 'patient' }), [2])
})

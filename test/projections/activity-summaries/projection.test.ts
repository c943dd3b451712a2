import t from 'tap'

import { activitySummaries } from '../../../projections/activity-summaries/projection.ts'
import { userSummary } from '../../../projections/activity-summaries/queries.ts'
import type { RecordedData } from '../../../schemas/recorded.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

const ref = uuid(901)

function event (n: number, occurredAt: string, data: Partial<RecordedData> = {}) {
  return decodedEvent(n, {
    action: data.outcome === 'denied' ? 'auth.login_failed' : 'auth.logged_in',
    data: { actor: { type: 'user', ref }, category: 'auth', occurredAt, ...data }
  })
}

const EVENTS = [
  event(1, '2026-01-01T23:59:59.999Z'),
  event(2, '2026-01-02T00:00:00Z'),
  event(3, '2026-01-02T08:00:00.5Z', { outcome: 'denied' }),
  event(4, '2026-01-02T07:00:00Z', { outcome: 'denied' }),
  event(5, '2026-01-03T01:00:00Z', { category: 'access' }),
  event(6, '2026-01-03T01:00:00Z', { actor: { type: 'service', id: ref } }),
  event(7, '2026-01-03T01:00:00Z', { tenant: 'other' }),
  event(8, '2026-01-03T01:00:00Z', { actor: { type: 'anonymous' } })
]

t.test('counts are the same however the events are cut into batches', async (t) => {
  const sql = 'select * from read.activity_summary order by first_position'
  const whole = await given(t, activitySummaries).events(EVENTS).rows(sql)
  t.strictSame(whole[2], {
    tenant: 'acme',
    actor_type: 'user',
    actor_key: ref,
    day: new Date(2026, 0, 2),
    category: 'auth',
    action: 'auth.login_failed',
    outcome: 'denied',
    events: 2n,
    first_position: 300n,
    last_position: 400n,
    first_at: new Date('2026-01-02T07:00:00Z'),
    last_at: new Date('2026-01-02T08:00:00.5Z')
  })
  for (const size of [1, 3]) {
    let store = given(t, activitySummaries)
    for (let i = 0; i < EVENTS.length; i += size) store = store.events(EVENTS.slice(i, i + size))
    t.strictSame(await store.rows(sql), whole, `batches of ${size}`)
  }
})

t.test('a summary adds up, over all days or some', async (t) => {
  const { read } = await given(t, activitySummaries).events(EVENTS).ready()
  const actor = { type: 'user', key: ref }
  t.strictSame(await read(async (tx) => await userSummary(tx, actor)), {
    events: 5,
    firstAt: '2026-01-01T23:59:59.999Z',
    lastAt: '2026-01-03T01:00:00.000Z',
    firstPosition: 100n,
    lastPosition: 500n,
    byCategory: { access: 1, auth: 4 },
    byAction: { 'auth.logged_in': 3, 'auth.login_failed': 2 },
    byOutcome: { denied: 2, success: 3 },
    byDay: { '2026-01-01': 1, '2026-01-02': 3, '2026-01-03': 1 }
  })
  const some = await read(async (tx) =>
    await userSummary(tx, actor, { from: '2026-01-02', to: '2026-01-02' }))
  t.match(some, { events: 3, byDay: { '2026-01-02': 3 }, firstPosition: 200n, lastPosition: 400n })
  const nobody = await read(async (tx) => await userSummary(tx, { type: 'user', key: uuid(1) }))
  t.strictSame(nobody, {
    events: 0,
    firstAt: undefined,
    lastAt: undefined,
    firstPosition: undefined,
    lastPosition: undefined,
    byCategory: {},
    byAction: {},
    byOutcome: {},
    byDay: {}
  })
  const unnamed = await read(async (tx) => await userSummary(tx, { type: 'anonymous', key: '' }))
  t.equal(unnamed.events, 1)
})

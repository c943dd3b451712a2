import fc from 'fast-check'
import t from 'tap'
import {
  aggregate, GROUPINGS, INTERVALS, type Grouping, type Groups, type SummaryFilter
} from '../../../projections/activity-summaries/aggregate.ts'
import { spansOf } from '../../../projections/activity-summaries/spans.ts'
import { listEvents } from '../../../projections/entries/queries.ts'
import { PROJECTIONS } from '../../../projections/index.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

const EVENTS_MAX = 300
const REFS = [uuid(901), uuid(902)]

/** Around three midnights, two of which begin a week or a month: Sunday to Wednesday. */
const moment = fc.oneof(
  fc.constantFrom('2026-05-31T00:00:00.000Z', '2026-05-31T23:59:59.999Z',
    '2026-06-01T00:00:00.000Z', '2026-06-02T00:00:00.000Z', '2026-06-02T00:00:00.001Z'),
  fc.integer({ min: 0, max: 4 * 86_400_000 - 1 })
    .map((ms) => new Date(Date.UTC(2026, 4, 31) + ms).toISOString()))

const kinds = {
  action: fc.constantFrom('auth.login', 'auth.login_failed', 'author.added', 'order.paid'),
  category: fc.constantFrom('auth', 'change'),
  outcome: fc.constantFrom('success', 'failure', 'denied'),
  source: fc.constantFrom('shop', 'web')
} as const
const actor = fc.oneof(
  fc.constantFrom(...REFS).map((ref) => ({ type: 'user', ref })),
  fc.constantFrom('s-1', 's-2').map((id) => ({ type: 'service', id })),
  fc.constant({ type: 'anonymous' }))

const recorded = fc.record({
  ...kinds,
  actor,
  occurredAt: moment,
  entity: fc.option(fc.constantFrom('order', 'invoice').map((type) => ({ type, id: '1' })),
    { nil: undefined })
}).map(({ action, ...data }) => ({ action, data }))

const filter = fc.record({
  ...kinds,
  action: fc.oneof(kinds.action, fc.constantFrom('auth.*', 'order.*')),
  entityType: fc.constantFrom('order', 'none'),
  actor: actor.filter((one) => 'ref' in one || 'id' in one)
    .map((one) => ({ type: one.type, key: 'ref' in one ? one.ref : 'id' in one ? one.id : '' })),
  from: moment,
  to: moment
}, { requiredKeys: [] }).filter(({ from = '0', to = '9' }) => from < to)

/** The same count over events that are at hand. */
function counted (by: Grouping, events: readonly DecodedEvent[]): Omit<Groups, 'capped'> {
  const groups = new Map<string, string[]>()
  for (const event of events) {
    const key = keyOf(by, event)
    groups.set(key, [...groups.get(key) ?? [], event.data.occurredAt])
  }
  return {
    groups: [...groups].map(([key, times]) => {
      const sorted = times.sort()
      return {
        key, events: times.length, firstAt: sorted[0] ?? '', lastAt: sorted.at(-1) ?? ''
      }
    }).sort((one, other) => one.key < other.key ? -1 : 1),
    size: groups.size,
    events: events.length
  }
}

function keyOf (by: Grouping, { action, data }: DecodedEvent): string {
  const { actor: { type, ref, id }, occurredAt } = data
  switch (by) {
    case 'action': return action
    case 'actor': return JSON.stringify([type, ref ?? id ?? '']).replace(',', ', ')
    case 'entityType': return data.entity?.type ?? ''
    case 'day': return occurredAt.slice(0, 10)
    case 'hour': return `${occurredAt.slice(0, 13)}:00:00.000Z`
    case 'month': return `${occurredAt.slice(0, 7)}-01T00:00:00.000Z`
    case 'week': {
      const monday = new Date(occurredAt)
      monday.setUTCHours(0, 0, 0, 0)
      monday.setUTCDate(monday.getUTCDate() - (monday.getUTCDay() + 6) % 7)
      return monday.toISOString()
    }
    default: return data[by]
  }
}

t.test('a count by anything is what counting the list comes to', async (t) => {
  const [said = []] = fc.sample(
    fc.array(recorded, { minLength: EVENTS_MAX, maxLength: EVENTS_MAX }), 1)
  const events = said.map((one, n) => decodedEvent(n + 1, one as Partial<DecodedEvent>))
  const byId = new Map(events.map((event) => [event.id, event]))
  const { read } = await given(t, ...PROJECTIONS).events(events).ready()
  const groupings = fc.constantFrom(...GROUPINGS, ...INTERVALS)
  await fc.assert(fc.asyncProperty(groupings, filter, async (by, filter) => {
    const [list, { capped, ...found }] = await read(async (tx) => [
      await listEvents(tx, filter, { limit: EVENTS_MAX }),
      await aggregate(tx, by, filter as SummaryFilter, EVENTS_MAX)
    ] as const)
    const listed = list.flatMap(({ id }) => byId.get(id) ?? [])
    found.groups.sort((one, other) => one.key < other.key ? -1 : 1)
    t.strictSame(found, counted(by, listed), `${by} ${JSON.stringify(filter)}`)
    t.equal(capped, false)
  }), { numRuns: 200 })
})

t.test('a span is cut at midnights, and whole days alone are taken from what is kept', (t) => {
  const [late, mid] = ['2026-01-01T23:00:00Z', '2026-01-02T00:00:00Z']
  const early = '2026-01-02T01:00:00Z'
  const none = { days: undefined }
  t.match(spansOf({ from: late, to: early }), { ...none, raw: [{ from: late, to: early }] })
  t.match(spansOf({ from: late, to: mid }), { ...none, raw: [{ from: late, to: mid }] })
  t.strictSame(spansOf({ from: mid }), { days: { from: '2026-01-02', to: undefined }, raw: [] })
  t.strictSame(spansOf({}), { days: { from: undefined, to: undefined }, raw: [] })
  t.strictSame(spansOf({ from: late, to: '2026-01-04T01:00:00Z' }), {
    days: { from: '2026-01-02', to: '2026-01-03' },
    raw: [
      { from: late, to: '2026-01-02T00:00:00.000Z' },
      { from: '2026-01-04T00:00:00.000Z', to: '2026-01-04T01:00:00Z' }
    ]
  })
  const last = '9999-12-31T01:00:00Z'
  t.match(spansOf({ from: last }), { ...none, raw: [{ from: last }] })
  t.strictSame(spansOf({ from: '9999-12-31T00:00:00Z' }).days?.from, '9999-12-31')
  t.end()
})

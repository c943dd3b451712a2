import fc from 'fast-check'
import t from 'tap'
import { envelopesAfter } from '../../../projections/entries/after.ts'
import { entries } from '../../../projections/entries/projection.ts'
import type { WebhookFilter } from '../../../schemas/http/webhooks.ts'
import { CATEGORIES } from '../../../schemas/events/index.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

const EVENTS = 60
const ACTIONS = [
  'order.paid', 'order.paid.late', 'order', 'orders.paid', 'auth.login', 'ledger.read'
]
const OUTCOMES = ['success', 'failure', 'denied'] as const
const TYPES = ['order', 'ticket']

const events = Array.from({ length: EVENTS }, (_, n) => decodedEvent(n + 1, {
  action: ACTIONS[n % ACTIONS.length] ?? '',
  data: {
    category: CATEGORIES[n % 5] ?? 'action',
    outcome: OUTCOMES[n % 7 % 3] ?? 'success',
    entity: { type: TYPES[n % 2] ?? '', id: String(n) }
  }
}))
const store = await given(t, entries).events(events).ready()

/** What the statement shall say, in other words. */
function passes ({ action, data }: DecodedEvent, filter: WebhookFilter): boolean {
  const { actions, categories, outcomes, entityTypes } = filter
  const named = actions === undefined
    ? !action.startsWith('ledger.')
    : actions.some((one) => one.endsWith('.*')
      ? action.startsWith(one.slice(0, -1))
      : action === one)
  return named && categories?.includes(data.category) !== false &&
    outcomes?.includes(data.outcome) !== false &&
    entityTypes?.includes(data.entity?.type ?? '') !== false
}

const some = <T>(values: readonly T[]) =>
  fc.option(fc.subarray([...values], { minLength: 1 }), { nil: undefined })
const filters = fc.record({
  actions: some([...ACTIONS, 'order.*', 'order.paid.*', 'ledger.*', 'auth.*']),
  categories: some(CATEGORIES),
  outcomes: some(OUTCOMES),
  entityTypes: some(TYPES)
})
const size = fc.integer({ min: 1, max: EVENTS + 1 })

t.test('in steps of any size all that passes is found, once and in order', async (t) => {
  await fc.assert(fc.asyncProperty(filters, size, size, async (said, limit, lookAt) => {
    const filter = JSON.parse(JSON.stringify(said))
    const end = BigInt(EVENTS - 5) * 100n
    const wanted = events.filter((event) => event.position <= end && passes(event, filter))
    const found: string[] = []
    let [after, steps] = [0n, 0]
    while (after < end) {
      const step = await store.read(async (tx) =>
        await envelopesAfter(tx, filter, { after, through: end, limit, lookAt }))
      if (step.through <= after || step.events.length > limit) return false
      found.push(...step.events.map(({ id }) => id))
      after = step.through
      steps++
    }
    const most = Math.ceil(EVENTS / lookAt) + Math.ceil(wanted.length / limit)
    return steps <= most && found.join() === wanted.map(({ id }) => id).join()
  }), { numRuns: 60 })
  t.pass('60 filters')
})

t.test('an envelope holds what lists filter by', async (t) => {
  const [first] = (await store.read(async (tx) => await envelopesAfter(tx, {}, {
    after: 0n, through: 100n, limit: 1, lookAt: 1
  }))).events
  t.strictSame(first, {
    id: uuid(1),
    tenant: 'acme',
    position: 100n,
    action: 'order.paid',
    category: 'action',
    outcome: 'success',
    source: 'shop',
    occurredAt: '2026-01-01T00:00:01.000Z',
    recordedAt: '2026-01-01T00:00:01.000Z',
    actorType: 'service',
    actorKey: 'billing',
    entityType: 'order',
    entityKey: '0',
    correlationId: null,
    leafHash: events[0]?.leafHash.toString('hex')
  })
})

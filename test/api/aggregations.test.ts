import t from 'tap'
import { event, testService, type Answer } from './service.ts'

const { call, append } = await testService(t)
const read = async (query: string, key = 'acme.auditor'): Promise<Answer> =>
  await call(key, `/v1/aggregations?${query}`)

const login = (id: string, said: object = {}): object => event({
  action: 'auth.login_failed',
  category: 'auth',
  outcome: 'failure',
  actor: { type: 'user', id },
  entity: undefined,
  occurredAt: '2026-03-01T10:00:00Z',
  ...said
})
const ROBOT = { type: 'service', id: 'robot' }
await append('acme', [
  login('u-1'), login('u-1', { occurredAt: '2026-03-02T10:00:00Z' }), login('u-2'),
  login('u-2', { outcome: 'success', action: 'auth.login' }),
  event({ actor: ROBOT, occurredAt: '2026-03-02T11:00:00Z' })
])
const MARCH = 'from=2026-03-01&to=2026-03-31'

t.test('events are counted by each grouping, the largest group first', async (t) => {
  const { facets } = (await read(`groupBy=category,action,outcome,actor,day&${MARCH}`)).json()
  t.match(facets, {
    category: {
      groups: [{ key: 'auth', events: 4 }, { key: 'change', events: 1 }], size: 2, events: 5
    },
    action: {
      groups: [
        {
          key: 'auth.login_failed',
          events: 3,
          firstAt: '2026-03-01T10:00:00.000Z',
          lastAt: '2026-03-02T10:00:00.000Z'
        },
        { key: 'auth.login' }, { key: 'order.updated' }
      ]
    },
    outcome: { groups: [{ key: 'failure', events: 3 }, { key: 'success', events: 2 }] },
    actor: { groups: [{ events: 2 }, { events: 2 }, { key: ROBOT, events: 1 }], size: 3 },
    day: { groups: [{ key: '2026-03-02', events: 2 }, { key: '2026-03-01', events: 3 }] }
  })
})

t.test('failed sign-ins by user in a window', async (t) => {
  const failed = `groupBy=actor&category=auth&outcome=failure&${MARCH}`
  const { groups } = (await read(failed)).json().facets.actor
  t.match(groups, [{ key: { type: 'user' }, events: 2 }, { events: 1 }])
  const [{ key }] = groups
  const shown = await call('acme.auditor', `/v1/events?actor=user:${key.ref}`)
  t.equal(shown.json().items[0].actor.id, 'u-1', 'the ref leads to the person')
  const later = (await read('groupBy=actor&category=auth&outcome=failure&from=2026-03-02')).json()
  t.equal(later.facets.actor.events, 1)
})

t.test('filters hold for all facets but the one of their name, and top cuts', async (t) => {
  const { facets } = (await read(`groupBy=category,outcome&category=auth&${MARCH}`)).json()
  t.equal(facets.category.events, 5)
  t.equal(facets.outcome.events, 4)
  const top = (await read(`groupBy=action&top=1&${MARCH}`)).json().facets.action
  t.match(top, { groups: { length: 1 }, size: 3, events: 5 })
  const byOne = async (query: string): Promise<number> =>
    (await read(`groupBy=day&${query}&${MARCH}`)).json().facets.day.events
  t.equal(await byOne('actor=u-1'), 2)
  t.equal(await byOne('actor=user:u-2'), 2)
  t.equal(await byOne('actor=robot'), 1)
  t.equal(await byOne('actor=user:nobody'), 0)
  t.equal(await byOne('action=auth.login'), 1)
  const nothing = await read('groupBy=action&from=1999-01-01&to=1999-01-02')
  t.strictSame(nothing.json(), {
    facets: { action: { groups: [], size: 0, events: 0, capped: false } }
  })
  const foreign = await read(`groupBy=action&${MARCH}`, 'globex.auditor')
  t.equal(foreign.json().facets.action.events, 0)
})

t.test('events are counted by stretches of time, the latest first', async (t) => {
  const by = async (interval: string, more = ''): Promise<object[]> =>
    (await read(`interval=${interval}&${MARCH}${more}`)).json().facets.interval.groups
  t.match(await by('hour'), [
    {
      key: '2026-03-02T11:00:00.000Z',
      events: 1,
      firstAt: '2026-03-02T11:00:00.000Z',
      lastAt: '2026-03-02T11:00:00.000Z'
    },
    { key: '2026-03-02T10:00:00.000Z', events: 1 }, { key: '2026-03-01T10:00:00.000Z', events: 3 }
  ])
  t.match(await by('day'), [
    { key: '2026-03-02T00:00:00.000Z', events: 2 }, { key: '2026-03-01T00:00:00.000Z', events: 3 }
  ])
  // The first of March was a Sunday.
  t.match(await by('week'), [
    { key: '2026-03-02T00:00:00.000Z', events: 2 }, { key: '2026-02-23T00:00:00.000Z', events: 3 }
  ])
  t.match(await by('month'), [{ key: '2026-03-01T00:00:00.000Z', events: 5 }])
  t.match(await by('month', '&action=auth.*&actor=u-1'), [{ events: 2 }])
  t.match(await by('hour', '&top=1'), { length: 1 })
})

t.test('moments cut days, the end left out', async (t) => {
  const count = async (span: string): Promise<number> =>
    (await read(`groupBy=action&${span}`)).json().facets.action.events
  t.equal(await count('from=2026-03-01T10:00:00Z&to=2026-03-02T11:00:00Z'), 4)
  t.equal(await count('from=2026-03-01T10:00:00.001Z&to=2026-03-02T11:00:00.001Z'), 2)
  t.equal(await count('from=2026-03-02&to=2026-03-02T10:30:00Z'), 1)
  t.equal(await count('from=2026-03-01T00:00:00Z&to=2026-03-02'), 5)
  t.equal(await count('category=auth&from=2026-03-01&to=9999-12-31'), 4)
})

t.test('sources and types of entities are counted, each without its own filter', async (t) => {
  const query = `groupBy=source,entityType,category&entityType=order&${MARCH}`
  t.match((await read(query)).json().facets, {
    source: { groups: [{ key: 'producer', events: 1 }], events: 1, capped: false },
    entityType: { groups: [{ key: '', events: 4 }, { key: 'order', events: 1 }] },
    category: { groups: [{ key: 'change', events: 1 }], size: 1 }
  })
  const other = (await read(`groupBy=source,category&source=nobody&${MARCH}`)).json()
  t.match(other.facets, { source: { events: 5 }, category: { groups: [], events: 0 } })
})

t.test('what makes no sense is refused, naming the parameter', async (t) => {
  for (const [query, pointer] of [
    ['', 'groupBy'], ['groupBy=ip', 'groupBy'], ['groupBy=day,', 'groupBy'],
    ['groupBy=day&top=1001', 'top'], ['groupBy=day&top=0', 'top'],
    ['groupBy=day&from=2026-02-30', 'from'], ["groupBy=day&to=' or 1=1", 'to'],
    ['groupBy=day&category=nope', 'category'], ['groupBy=day&action=auth*', 'action'],
    ['groupBy=day&interval=year', 'interval'],
    ['interval=day&from=2026-03-02&to=2026-03-01', 'to'],
    ['interval=day&from=2026-03-01T24:00:00Z', 'from'],
    ['interval=day&to=2026-03-01T00:00:00.0001Z', 'to'],
    ['interval=day&from=2026-03-01T10:00:00Z&to=2026-03-01T10:00:00Z', 'to']
  ] as const) {
    t.match((await read(query)).json(), { status: 400, violations: [{ pointer }] }, query)
  }
  t.equal((await read('groupBy=day', 'acme.self')).statusCode, 403)
})

import t from 'tap'
import { PROTECTED } from '../../src/api/app.ts'
import { countSignIns } from '../../src/api/failed-sign-ins.ts'
import { SIGN_INS_MAX } from '../../schemas/http/sign-ins.ts'
import { erasingService } from './erasing.ts'
import { event } from './service.ts'

const { call, append, erase } = await erasingService(t)
const MARCH = 'from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z'

const failed = (id: string, ip: string, said: object = {}): object => event({
  action: 'auth.login_failed',
  category: 'auth',
  outcome: 'failure',
  actor: { type: 'user', id, name: id.toUpperCase() },
  entity: undefined,
  context: { ip },
  occurredAt: '2026-03-01T10:00:00Z',
  ...said
})
const STRANGER = { actor: { type: 'anonymous' } }
await append('acme', [
  failed('u-1', '203.0.113.1'),
  failed('u-1', '203.0.113.1', { occurredAt: '2026-03-02T10:00:00Z' }),
  failed('u-1', '203.0.113.9', { outcome: 'denied' }),
  failed('u-2', '203.0.113.1'), failed('u-3', '203.0.113.1', { action: 'auth.reset_failed' }),
  failed('', '203.0.113.1', STRANGER), failed('u-4', '', { context: {} }),
  failed('u-5', '203.0.113.5', { outcome: 'success', action: 'auth.login' }),
  failed('u-6', '203.0.113.6', { occurredAt: '2026-04-01T00:00:00Z' }),
  event({ outcome: 'failure', occurredAt: '2026-03-01T10:00:00Z', context: { ip: '203.0.113.1' } }),
  failed('u-7', '203.0.113.7', { occurredAt: new Date().toISOString() })
])
await append('globex', failed('u-1', '203.0.113.1'))

const read = async (query: string, key = 'acme.auditor'): Promise<any> => // eslint-disable-line
  (await call(key, `/v1/sign-ins/failed?${query}`)).json()

t.test('failed sign-ins by user, the most first', async (t) => {
  t.strictSame(await read(`${MARCH}&top=1`), {
    groups: [{
      user: { type: 'user', id: 'u-1', name: 'U-1' },
      events: 3,
      firstAt: '2026-03-01T10:00:00.000Z',
      lastAt: '2026-03-02T10:00:00.000Z',
      addresses: 2
    }],
    size: 5,
    events: 7,
    unknown: 0,
    complete: true
  })
  const { groups } = await read(MARCH)
  t.ok(groups.some((group: object) => 'user' in group &&
    JSON.stringify(group.user) === '{"type":"anonymous"}'))
})

t.test('failed sign-ins by address, which is sealed under each of several people', async (t) => {
  t.strictSame(await read(`groupBy=address&${MARCH}`), {
    groups: [
      {
        address: '203.0.113.1',
        events: 5,
        firstAt: '2026-03-01T10:00:00.000Z',
        lastAt: '2026-03-02T10:00:00.000Z',
        users: 4
      },
      {
        address: '203.0.113.9',
        events: 1,
        firstAt: '2026-03-01T10:00:00.000Z',
        lastAt: '2026-03-01T10:00:00.000Z',
        users: 1
      }
    ],
    size: 2,
    events: 7,
    unknown: 1,
    complete: true
  })
  t.match(await read(`groupBy=address&threshold=2&${MARCH}`), { groups: [{ events: 5 }], size: 1 })
  t.match(await read(`groupBy=address&threshold=6&${MARCH}`), { groups: [], size: 0, events: 7 })
  t.match(await read(`groupBy=address&action=auth.reset_failed&${MARCH}`), { events: 1 })
})

t.test('without a window the last day is looked at, and nothing of another tenant', async (t) => {
  const { groups } = await read('')
  t.strictSame(groups.map(({ user }: { user: { id: string } }) => user.id), ['u-7'])
  t.match(await read(MARCH, 'globex.auditor'), { groups: [{ events: 1 }], size: 1 })
})

t.test('who was erased is still counted, as nobody', async (t) => {
  await erase('u-1')
  const { groups, unknown } = await read(MARCH)
  t.match(groups[0], { user: { type: 'user', erased: true }, events: 3, addresses: 0 })
  t.notMatch(JSON.stringify(groups), /u-1/i)
  t.equal(unknown, 0)
  t.match(await read(`groupBy=address&${MARCH}`), { groups: [{ events: 3, users: 3 }], unknown: 4 })
})

t.test('who supersedes a failed sign-in has not failed to sign in', async (t) => {
  const at = { occurredAt: '2026-06-01T10:00:00Z' }
  const { id } = await append('acme', failed('u-8', '203.0.113.8', at))
  const corrected = await call('acme.producer', {
    method: 'POST',
    url: '/v1/corrections',
    headers: { prefer: 'wait=10' },
    payload: {
      corrects: id, kind: 'supersedes', reason: 'x', actor: { type: 'user', id: 'u-9' }, ...at
    }
  })
  t.equal(corrected.statusCode, 201, corrected.body)
  const june = 'from=2026-06-01T00:00:00Z&to=2026-07-01T00:00:00Z'
  t.match(await read(june), { groups: [{ user: { id: 'u-8' } }], size: 1, events: 1 })
  const summary = await call('acme.auditor', '/v1/users/u-9/summary')
  t.strictSame(summary.json().byCategory, { action: 1 })
})

t.test('who is nobody yet is found by the person they tried to be, as long as that one is there',
  async (t) => {
    const ip = '198.51.100.77'
    const { id } = await append('acme', failed('', ip, {
      ...STRANGER, entity: { type: 'user', id: 'u-10' }, occurredAt: '2026-07-01T10:00:00Z'
    }))
    const JULY = 'groupBy=address&from=2026-07-01T00:00:00Z&to=2026-08-01T00:00:00Z'
    const list = async (query: string): Promise<string[]> =>
      (await call('acme.auditor', `/v1/events?${query}`)).json()
        .items.map((item: { id: string }) => item.id)
    t.match(await read(JULY), { groups: [{ address: ip, events: 1 }], unknown: 0 })
    t.strictSame(await list(`ip=${ip}&entity=user:u-10`), [id])
    t.strictSame(await list(`ip=${ip}`), [], 'sealed under that person')
    t.notMatch((await call('acme.auditor', `/v1/events/${id}/raw`)).body, ip)
    await erase('u-10')
    t.match(await read(JULY), { groups: [], events: 1, unknown: 1 })
    t.notMatch((await call('acme.auditor', `/v1/events/${id}`)).body, ip)
  })

t.test('only so many are looked at, and the answer says so', async (t) => {
  const counting = countSignIns({ groupBy: 'address', threshold: 1, top: 1 })
  t.match(counting.result(), { groups: [], size: 0, events: 0 })
  const many = Array.from({ length: SIGN_INS_MAX + 1 }, (_, n) =>
    failed('', `198.51.100.${n % 2}`, { ...STRANGER, occurredAt: '2026-05-01T10:00:00Z' }))
  for (let from = 0; from < SIGN_INS_MAX; from += 1_000) {
    await append('acme', many.slice(from, from + 1_000))
  }
  const window = 'groupBy=address&from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z'
  t.match(await read(window), { events: SIGN_INS_MAX, size: 2, complete: true })
  await append('acme', many.slice(SIGN_INS_MAX))
  t.match(await read(window), { events: SIGN_INS_MAX, size: 2, complete: false })
})

t.test('what makes no sense is refused', async (t) => {
  for (const [query, pointer] of [
    ['groupBy=city', 'groupBy'], ['threshold=0', 'threshold'], ['top=201', 'top'],
    ['from=yesterday', 'from'], ['to=2020-01-01T00:00:00Z', 'to'], ['user=u-1', 'user'],
    [`threshold=${SIGN_INS_MAX + 1}`, 'threshold']
  ] as const) t.match(await read(query), { status: 400, violations: [{ pointer }] }, query)
  const [, , , roles] = PROTECTED.find(([, url]) => url === '/v1/sign-ins/failed') ?? []
  t.strictSame(roles, ['auditor', 'compliance'])
})

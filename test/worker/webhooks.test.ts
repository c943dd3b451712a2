import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Value } from '@sinclair/typebox/value'
import { PROJECTIONS } from '../../projections/index.ts'
import type { WebhookFilter } from '../../schemas/http/webhooks.ts'
import { WebhookMessage } from '../../schemas/webhook.ts'
import { signatures } from '../../src/webhooks/sign.ts'
import { rebuild } from '../../src/worker/rebuild.ts'
import { receiver } from '../webhooks/receiver.ts'
import { canary, eventOf, eventsOf } from './erasing.ts'
import { sending } from './sending.ts'
import { until } from './world.ts'

const { begin, happen, world, secret } = await sending(t)

t.test('events arrive in order, signed, once while nothing fails', async (t) => {
  const { hook, deliver, state } = await begin(t)
  const there = await receiver(t)
  const id = await hook(there.url)
  const before = await happen(150)
  deliver({ publicUrl: 'https://ledger.example.com' })
  const after = await happen(50)
  const wanted = [...before, ...after]
  await until('all', () => there.received.length >= wanted.length)
  t.strictSame(there.ids(), wanted.map((event) => `${id}_${event}`))
  const wrong = there.received.filter(({ headers, body, message }) => {
    const timestamp = Number(headers['webhook-timestamp'])
    const signed = { id: String(headers['webhook-id']), timestamp, body }
    return headers['webhook-signature'] !== signatures([secret], signed) ||
      !Value.Check(WebhookMessage, message)
  })
  t.strictSame(wrong, [], 'each is signed and as its schema says')
  const [first] = there.received
  t.match(first?.message, {
    type: 'order.paid',
    data: {
      tenant: 'acme',
      category: 'change',
      actor: { type: 'service', key: 'shop' },
      entity: { type: 'order', key: '1' },
      href: `https://ledger.example.com/v1/events/${before[0]}`
    }
  })
  const last = there.received.at(-1)?.message.data.position
  await until('the row', async () => String((await state(id))['delivered_position']) === last)
  t.match(await state(id), { failures: 0, failing_since: null, last_error: null, enabled: true })
})

t.test('a filter passes what it names and no other', async (t) => {
  const { hook, deliver } = await begin(t)
  const filters: ReadonlyArray<readonly [filter: WebhookFilter, count: number]> = [
    [{}, 6],
    [{ actions: ['order.paid'] }, 1],
    [{ actions: ['order.*'] }, 3],
    [{ actions: ['order'] }, 1],
    [{ actions: ['ledger.*', 'orders.paid'] }, 2],
    [{ categories: ['auth', 'access'] }, 1],
    [{ outcomes: ['failure', 'denied'] }, 1],
    [{ entityTypes: ['ticket'] }, 1],
    [{ actions: ['order.*'], outcomes: ['failure'] }, 1],
    [{ actions: ['order.*'], categories: ['auth'] }, 0]
  ]
  const there = await receiver(t)
  const ids: string[] = []
  for (const [filter] of filters) ids.push(await hook(there.url, { filter }))
  await world.ledger.recordOwn('acme', [{
    action: 'ledger.denied',
    category: 'access',
    actor: { type: 'system', id: 'ledger' },
    entity: { type: 'ledger_api_key', id: 'k' },
    outcome: 'denied'
  }])
  await happen(1)
  await happen(1, { action: 'order.created', entity: { type: 'ticket', id: '2' } })
  await happen(1, { action: 'order.sent.late', outcome: 'failure' })
  await happen(1, { action: 'orders.paid' })
  await happen(1, { action: 'order' })
  await happen(1, { action: 'auth.login', category: 'auth' })
  deliver()
  const total = filters.reduce((sum, [, count]) => sum + count, 0)
  await until('all', () => there.received.length >= total)
  filters.forEach(([filter, count], n) => {
    const got = there.ids().filter((id) => id.startsWith(`${ids[n]}_`))
    t.equal(got.length, count, JSON.stringify(filter))
  })
})

t.test('killed between the answer and its own note, it says the same again', async (t) => {
  const { hook, deliver } = await begin(t)
  const there = await receiver(t)
  const id = await hook(there.url)
  const events = await happen(5)
  let sent = 0
  const dying = deliver({
    fault: (step) => {
      if (step === 'sent' && ++sent === 3) throw new Error('killed')
    }
  })
  t.match(await dying.ended, { message: 'killed' })
  t.equal(there.received.length, 3)
  deliver()
  await until('all', () => there.received.length >= 6)
  const wanted = [0, 1, 2, 2, 3, 4].map((n) => `${id}_${events[n]}`)
  t.strictSame(there.ids(), wanted, 'the third one twice, under one webhook-id')
  t.equal(there.received[2]?.body, there.received[3]?.body)
})

t.test('a rebuild sends nothing', async (t) => {
  const { hook, deliver } = await begin(t)
  const there = await receiver(t)
  await hook(there.url)
  await happen(20)
  deliver()
  await until('all', () => there.received.length === 20)
  const { pool, log } = world
  await rebuild({ pool, log, projections: PROJECTIONS, signal: new AbortController().signal })
  await happen(1)
  await until('what is new', () => there.received.length >= 21)
  t.equal(new Set(there.ids()).size, 21)
  t.equal(there.received.length, 21)
})

t.test('nothing personal is in any message, and nothing of another tenant', async (t) => {
  const { hook, deliver } = await begin(t)
  const [acme, other] = [await receiver(t), await receiver(t)]
  // Not tasks, whose ids name people here: what a producer calls what is no person, is clear.
  const actions = ['ledger.*', 'order.*', 'auth.*', 'user.*']
  await hook(acme.url, { filter: { actions } })
  const otherId = await hook(other.url, { tenant: 'other' })
  const users = ['u-ann', 'u-bob']
  await world.send(users.flatMap((user) => eventsOf(user, 8)))
  await world.send([{
    ...eventOf('u-ann', 0),
    description: canary('u-ann'),
    data: { note: canary('u-ann') },
    before: { name: canary('u-ann') },
    after: { name: canary('u-bob') },
    tags: [canary('u-ann')]
  }])
  const own = await happen(3, {}, 'other')
  await world.request('u-bob')
  await world.finish()
  await happen(1)
  deliver({ timeoutMs: 5_000 })
  await until('acme', () => acme.received.length >= 17)
  await until('other', () => other.received.length >= 3)
  t.strictSame(other.ids(), own.map((id) => `${otherId}_${id}`))
  const said = acme.received.map(({ headers, body }) => JSON.stringify(headers) + body).join('\n')
  const personal = ['Canary', 'u-ann', 'u-bob', 'u-clerk', '203.0.113.9', 'password']
  for (const hidden of [...personal, '"other"']) t.notOk(said.includes(hidden), hidden)
  t.ok(said.includes('"type":"user"'), 'there are persons in it, by ref')
  const erased = acme.received.filter(({ message: { data: { actor } } }) =>
    actor.type === 'user' && actor.key === undefined)
  t.ok(erased.length > 0, 'and erased ones without')
})

t.test('what does not match is passed for good after a while', async (t) => {
  const { hook, deliver, state, clock } = await begin(t)
  const there = await receiver(t)
  const id = await hook(there.url, { filter: { actions: ['nothing.of_this'] } })
  const start = (await state(id))['position']
  deliver()
  await happen(3)
  await sleep(300)
  t.equal((await state(id))['position'], start, 'not every look is a write')
  clock.ahead = 60_000
  await happen(1)
  const head = await world.log.head()
  await until('the place', async () => (await state(id))['position'] === head?.commit)
  t.match(await state(id), { delivered_position: null })
  t.equal(there.received.length, 0)
})

t.test('who is told of news does not wait for the next look', async (t) => {
  const { hook, deliver } = await begin(t)
  const there = await receiver(t)
  await hook(there.url)
  const session = deliver({ pollMs: 60_000 })
  for (let n = 1; n <= 5; n++) {
    await happen(1)
    session.wake()
    await until('it', () => there.received.length === n)
  }
})

t.test('who does not project sends nothing', async (t) => {
  const { hook, deliver } = await begin(t)
  const there = await receiver(t)
  await hook(there.url)
  let active = false
  deliver({ isActive: () => active })
  await happen(3)
  await sleep(200)
  t.equal(there.received.length, 0)
  active = true
  await until('all', () => there.received.length === 3)
  active = false
  await sleep(100)
  await happen(2)
  await sleep(200)
  t.equal(there.received.length, 3)
  active = true
  await until('the rest', () => there.received.length === 5)
})

t.test('what an administrator changes meanwhile counts at once', async (t) => {
  const { hook, deliver, state } = await begin(t)
  const [old, fresh] = [await receiver(t), await receiver(t)]
  const id = await hook(old.url)
  old.answer = () => (response) => { setTimeout(() => { response.writeHead(204).end() }, 100) }
  const events = await happen(10)
  deliver()
  await until('some', () => old.received.length === 2)
  await world.superuser.query(
    'update control.webhook set url = $2, version = version + 1 where id = $1', [id, fresh.url])
  await until('the rest', () => fresh.ids().at(-1) === `${id}_${events[9]}`)
  t.ok(old.received.length <= 3, 'the old address gets no more than what was under way')
  const all = new Set([...old.ids(), ...fresh.ids()])
  t.strictSame([...all], events.map((event) => `${id}_${event}`))
  await world.superuser.query('delete from control.webhook where id = $1', [id])
  await happen(1)
  t.equal(await state(id), undefined)
})

t.test('two that deliver at once lose nothing and break no order of what is new', async (t) => {
  const { hook, deliver } = await begin(t)
  const there = await receiver(t)
  const id = await hook(there.url)
  deliver()
  deliver()
  const events = await happen(60)
  await until('all', () => new Set(there.ids()).size === 60)
  t.strictSame([...new Set(there.ids())], events.map((event) => `${id}_${event}`))
})

import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import t from 'tap'
import { STREAMS_PER_KEY_MAX } from '../../src/api/routes/stream.ts'
import { event, testService, until } from './service.ts'

const service = await testService(t)
const { call, append, app, keys } = service
const address = await app.listen({ host: '127.0.0.1', port: 0 })

interface Followed {
  /** Ids (positions) and events, as they came. */
  ids: string[]
  events: Array<{ id: string, position: string, action: string }>
  stop (): Promise<void>
  ended: Promise<void>
}

/** Follows like an EventSource: over a connection, block by block. */
async function followFrom (
  t: Test, query: string,
  { lastId, secret = keys['acme.auditor'] }: { lastId?: string, secret?: string | undefined } = {}
): Promise<Followed> {
  const stop = new AbortController()
  const response = await fetch(`${address}/v1/events/stream?${query}`, {
    headers: {
      authorization: `Bearer ${secret}`,
      ...(lastId !== undefined && { 'last-event-id': lastId })
    },
    signal: stop.signal
  })
  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), 'text/event-stream')
  const followed: Followed = {
    ids: [], events: [], stop: async () => { stop.abort(); await ended }, ended: Promise.resolve()
  }
  const ended = (async () => {
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (text + String(chunk)).split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, id] = /^id: (.+)$/m.exec(block) ?? []
        const [, data] = /^data: (.+)$/m.exec(block) ?? []
        if (id !== undefined) followed.ids.push(id)
        if (data !== undefined) followed.events.push(JSON.parse(data))
      }
    }
  })().catch(() => {})
  followed.ended = ended
  t.teardown(followed.stop)
  await until(async () => followed.ids.length, (count) => count > 0)
  return followed
}

/** A new auditor's key. */
async function madeKey (): Promise<{ id: string, secret: string }> {
  const payload = { name: 'reader', roles: ['auditor'] }
  const made = await call('acme.admin', { method: 'POST', url: '/v1/api-keys', payload })
  return made.json()
}

const positions = ({ events }: Followed): string[] => events.map(({ position }) => position)

t.test('what is recorded comes at once, filtered, opened, and nothing of others', async (t) => {
  await append('acme', event())
  // Whatever is followed without a filter shows that it is followed as well.
  const all = await followFrom(t, 'entityType=order')
  const some = await followFrom(t, 'action=auth.*&actor=u-live')
  const other = await followFrom(t, 'entityType=order', { secret: keys['globex.auditor'] })
  t.match(all.ids[0], /^[0-9]+$/, 'a position to go on from before anything happens')
  const order = await append('acme', event())
  const login = await append('acme', event({
    action: 'auth.login', category: 'auth', actor: { type: 'user', id: 'u-live', name: 'Liv' }
  }))
  await until(async () => all.events.length + some.events.length, (count) => count === 3)
  t.strictSame(all.events.map(({ id }) => id), [order.id, login.id])
  t.match(some.events, [{ id: login.id, actor: { id: 'u-live', name: 'Liv' } }])
  t.strictSame(other.events, [])
})

t.test('there is no gap and no repetition across restarts of worker and reader', async (t) => {
  const first = await followFrom(t, 'action=counted')
  const sent: string[] = []
  const send = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const answer = await call('acme.producer', {
        method: 'POST',
        url: '/v1/events',
        payload: Array.from({ length: 7 }, (_, index) => event({
          action: 'counted', entity: { type: 'c', id: `${i}-${index}` }
        }))
      })
      const { items } = answer.json()
      sent.push(...items.map((item: { receipt: { position: string } }) => item.receipt.position))
    }
  }
  const sending = send(30)
  await sleep(50)
  await service.stopWorker()
  service.startWorker()
  await until(async () => first.events.length, (count) => count >= 20)
  await first.stop()
  await sending
  const lastId = first.ids.at(-1) ?? ''
  const second = await followFrom(t, 'action=counted', { lastId })
  await service.stopWorker()
  await send(3)
  service.startWorker()
  await until(async () => first.events.length + second.events.length, (count) => count >= 231)
  const inOrder = sent.map(BigInt).sort((one, other) => one < other ? -1 : 1).map(String)
  t.strictSame([...positions(first), ...positions(second)], inOrder)
})

t.test('a stream ends when it was asked to, with everything there is', async (t) => {
  const all = await followFrom(t, 'action=counted&after=0&seconds=0')
  await all.ended
  t.equal(all.events.length, 231, 'more than a page')
  const short = await followFrom(t, 'entityType=order&seconds=1')
  await short.ended
  t.strictSame(short.events, [])
})

t.test('a revoked key is sent nothing more, however much happens', async (t) => {
  const { id, secret } = await madeKey()
  const followed = await followFrom(t, 'action=told.of', { secret })
  const told = event({ action: 'told.of' })
  const before = await append('acme', told)
  await until(async () => followed.events.length, (count) => count === 1)
  await call('acme.admin', { method: 'DELETE', url: `/v1/api-keys/${id}` })
  await append('acme', told)
  await followed.ended
  t.strictSame(positions(followed), [before.position])
})

t.test('no key takes the places of the others', async (t) => {
  const { secret } = await madeKey()
  const url = `${address}/v1/events/stream?action=nothing`
  const ask = async (key: string | undefined): Promise<Response> => await fetch(url, {
    headers: { authorization: `Bearer ${key}` }, signal: AbortSignal.timeout(60_000)
  })
  const open = await Promise.all(
    Array.from({ length: STREAMS_PER_KEY_MAX }, async () => await ask(secret)))
  t.strictSame([...new Set(open.map(({ status }) => status))], [200])
  const refused = await ask(secret)
  t.equal(refused.status, 429)
  t.equal(refused.headers.get('retry-after'), '5')
  t.match(await refused.json(), { type: '/problems/too-many-streams' })
  const other = await ask(keys['acme.auditor'])
  t.equal(other.status, 200)
  await open.pop()?.body?.cancel()
  const again = await until(async () => await ask(secret), ({ status }) => status === 200)
  t.equal(again.status, 200, 'a place that is given back can be taken')
  await Promise.all([...open, other, again].map(async ({ body }) => await body?.cancel()))
})

t.test('what makes no sense is refused', async (t) => {
  for (const [query, pointer] of [
    ['after=x', 'after'], ['seconds=-1', 'seconds'], ['limit=1', 'limit'], ['entity=x', 'entity']
  ] as const) {
    const answer = await call('acme.auditor', `/v1/events/stream?${query}`)
    t.match(answer.json(), { status: 400, violations: [{ pointer }] }, query)
  }
  const headers = { 'last-event-id': "' or 1=1" }
  const wrong = await call('acme.auditor', { url: '/v1/events/stream', headers })
  t.match(wrong.json(), { status: 400, violations: [{ pointer: 'last-event-id' }] })
  t.equal((await call('acme.self', '/v1/events/stream')).statusCode, 403)
})

t.test('stopping the server ends its streams', async (t) => {
  const open = await followFrom(t, '')
  await app.close()
  await open.ended
  t.pass('neither waits for the other')
})

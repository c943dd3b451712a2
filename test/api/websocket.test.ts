import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { STREAMS_PER_KEY_MAX } from '../../src/api/routes/stream.ts'
import { followLive, refusal } from './live.ts'
import { event, testService, until } from './service.ts'

const { call, append, app, keys, stopWorker, startWorker } = await testService(t)
const address = await app.listen({ host: '127.0.0.1', port: 0 })
const streamOf = (query = ''): string => `${address}/v1/events/stream?${query}`
const auditor = keys['acme.auditor']

t.test('what is recorded comes at once, filtered, opened, and nothing of others', async (t) => {
  await append('acme', event())
  const all = await followLive(t, streamOf('source=producer'), auditor)
  const some = await followLive(t, streamOf('action=auth.*&actor=u-live'), auditor)
  const found = await followLive(t, streamOf('q=golden'), auditor)
  const other = await followLive(t, streamOf('source=producer'), keys['globex.auditor'])
  t.match(all.messages, [{ after: /^[0-9]+$/ }], 'a position to go on from')
  const order = await append('acme', event({ description: 'A golden order' }))
  const login = await append('acme', event({
    action: 'auth.login', category: 'auth', actor: { type: 'user', id: 'u-live', name: 'Liv' }
  }))
  const came = (): number => all.positions().length + some.positions().length
  await until(async () => came() + found.positions().length, (count) => count === 4)
  t.match(all.messages.slice(1), [
    { after: order.position, event: { id: order.id } }, { event: { id: login.id } }
  ])
  t.match(some.messages[1]?.event, { id: login.id, actor: { id: 'u-live', name: 'Liv' } })
  t.strictSame(found.positions(), [order.position])
  t.strictSame(other.positions(), [])
})

t.test('a reader goes on without gap or repetition, whatever was restarted', async (t) => {
  const first = await followLive(t, streamOf('action=counted'), auditor)
  const sent: string[] = []
  const send = async (): Promise<void> => {
    const answer = await call('acme.producer', {
      method: 'POST',
      url: '/v1/events',
      payload: Array.from({ length: 150 }, (_, n) => event({
        action: 'counted', entity: { type: 'c', id: `${sent.length}-${n}` }
      }))
    })
    for (const { receipt } of answer.json().items) sent.push(receipt.position)
  }
  await send()
  await until(async () => first.positions().length, (count) => count === 150)
  first.socket.terminate()
  await stopWorker()
  await send()
  startWorker()
  const after = first.messages.at(-1)?.after ?? ''
  const second = await followLive(t, streamOf(`action=counted&after=${after}`), auditor)
  await until(async () => second.positions().length, (count) => count === 150)
  const inOrder = sent.map(BigInt).sort((one, other) => one < other ? -1 : 1).map(String)
  t.strictSame([...first.positions(), ...second.positions()], inOrder)
})

t.test('it ends when it was asked to, with everything there is', async (t) => {
  const all = await followLive(t, streamOf('action=counted&after=0&seconds=0'), auditor)
  t.equal(await all.closed, 1000)
  t.equal(all.positions().length, 300)
})

t.test('what is refused is refused before it becomes a WebSocket', async (t) => {
  t.match(await refusal(streamOf(), undefined), { status: 401, body: /unauthenticated/ })
  t.match(await refusal(streamOf(), 'al_test_no_key_0'), { status: 401 })
  t.match(await refusal(streamOf(), keys['acme.self']), { status: 403 })
  t.match(await refusal(streamOf(), keys['server.admin']), { status: 403 })
  t.match(await refusal(streamOf('limit=1'), auditor), { status: 400, body: /limit/ })
  t.match(await refusal(streamOf('entity=x%3A'), auditor), { status: 400, body: /entity/ })
  t.match(await refusal(streamOf('q=---'), auditor), { status: 400, body: /no word/ })
  t.match(await refusal(streamOf('after=x'), auditor), { status: 400 })
  const elsewhere = await refusal(`${address}/v1/events`, auditor)
  t.equal(elsewhere.status, 200, 'elsewhere the offer is not taken up')
})

t.test('a revoked key is sent nothing more, however much happens', async (t) => {
  const made = await call('acme.admin', {
    method: 'POST', url: '/v1/api-keys', payload: { name: 'reader', roles: ['auditor'] }
  })
  const { id, secret } = made.json()
  const live = await followLive(t, streamOf('action=told.of'), secret)
  const told = event({ action: 'told.of' })
  const before = await append('acme', told)
  await until(async () => live.positions().length, (count) => count === 1)
  await call('acme.admin', { method: 'DELETE', url: `/v1/api-keys/${id}` })
  await append('acme', told)
  t.equal(await live.closed, 1008)
  t.strictSame(live.positions(), [before.position])
})

t.test('a closed WebSocket gives its place back', async (t) => {
  const key = keys['acme.compliance']
  const open = await Promise.all(Array.from({ length: STREAMS_PER_KEY_MAX },
    async () => await followLive(t, streamOf('action=nothing'), key)))
  t.match(await refusal(streamOf(), key), { status: 429, body: /too-many-streams/ })
  open[0]?.socket.close()
  const again = await until(
    async () => await refusal(streamOf(), key).catch(() => 'taken'), (said) => said === 'taken')
  t.equal(again, 'taken')
})

t.test('a message that is too long ends it', async (t) => {
  const live = await followLive(t, streamOf(), auditor)
  live.socket.send('a short one is ignored')
  live.socket.send('x'.repeat(1_025))
  t.equal(await live.closed, 1009)
})

/** Sends bytes on a connection of its own; returns all that comes until it is closed. */
async function exchange (bytes: string): Promise<string> {
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  return await text(socket)
}

t.test('an offer of another protocol is passed over, and the request answered', async (t) => {
  const offer = 'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n' +
    'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n'
  const body = JSON.stringify(event({ action: 'sent.by_java' }))
  const posted = await exchange(`POST /v1/events HTTP/1.1\r\nHost: localhost\r\n${offer}` +
    `Authorization: Bearer ${keys['acme.producer']}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  t.match(posted, /^HTTP\/1\.1 201 .*"leafHash"/s)
  const livez = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n'
  const twice = await exchange(`${livez}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n` +
    `${livez}Connection: close\r\n\r\n`)
  t.match(await exchange(`${livez}${offer}\r\n`), /^HTTP\/1\.1 200 .*"ok"/s)
  const webSocket = 'Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n'
  t.match(await exchange(livez + webSocket), /^HTTP\/1\.1 200 /)
  t.equal(twice.match(/HTTP\/1\.1 200 /g)?.length, 2, 'and so is what follows it')
  t.match(await exchange('GET /v1/events/stream HTTP/1.1\r\nHost: localhost\r\n' +
    `Authorization: Bearer ${auditor}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`),
  /^HTTP\/1\.1 400 /, 'a broken handshake')
})

t.test('stopping the server ends its WebSockets', async (t) => {
  const live = await followLive(t, streamOf(), auditor)
  await app.close()
  t.ok([1000, 1005, 1001].includes(await live.closed))
})

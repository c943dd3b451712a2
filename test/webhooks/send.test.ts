import { createHmac, randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createSender, type Attempt, type SenderOptions } from '../../src/webhooks/send.ts'
import { secretText, signatures } from '../../src/webhooks/sign.ts'
import { receiver, type Reply } from './receiver.ts'

const never = new AbortController().signal
const NOW = Date.UTC(2026, 10, 20, 7, 13)
const SECRET = Buffer.alloc(32, 5)
const MESSAGE = { id: 'msg_1', body: '{"type":"order.paid"}' }

function sender (t: Test, options: Partial<SenderOptions> & { url: string }) {
  const made = createSender({
    secrets: [SECRET],
    now: () => NOW,
    allowLoopback: true,
    resolve: async () => [],
    timeoutMs: 300,
    ...options
  })
  t.teardown(() => { made.close() })
  return made
}

t.test('signatures are those of the published vector', async (t) => {
  const text = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const secret = Buffer.from(text.slice('whsec_'.length), 'base64')
  t.equal(secretText(secret), text)
  const signed = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1_614_265_330, body: '{"test": 2432232314}'
  }
  t.equal(signatures([secret], signed), 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  const two = signatures([secret, randomBytes(32)], signed).split(' ')
  t.equal(two.length, 2)
  t.equal(two[0], signatures([secret], signed))
  t.not(two[1], two[0])
})

t.test('a message arrives as it was signed', async (t) => {
  const { url, received } = await receiver(t)
  const body = '{"name":"Zoë — 漢字 \\u0000"}'
  const made = sender(t, { url: `${url}?a=b%20c`, secrets: [SECRET, Buffer.alloc(32, 6)] })
  t.match(await made.send({ id: 'msg_1', body }, never), { delivered: true, status: 204 })
  const [one] = received
  t.equal(one?.path, '/hook?a=b%20c')
  t.equal(one?.body, body)
  t.match(one?.headers, {
    'content-type': 'application/json',
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(NOW / 1_000),
    host: new URL(url).host
  })
  const expected = [5, 6].map((byte) => 'v1,' + createHmac('sha256', Buffer.alloc(32, byte))
    .update(`msg_1.${NOW / 1_000}.${body}`).digest('base64'))
  t.equal(one?.headers['webhook-signature'], expected.join(' '))
})

t.test('2xx is delivered and nothing else is', async (t) => {
  const there = await receiver(t)
  const elsewhere = await receiver(t)
  const rows: ReadonlyArray<readonly [reply: Reply, attempt: Partial<Attempt>]> = [
    [200, { delivered: true }],
    [202, { delivered: true }],
    [299, { delivered: true }],
    [301, { delivered: false, status: 301 }],
    [400, { delivered: false, status: 400, error: 'the receiver answered 400', gone: false }],
    [404, { delivered: false, gone: false }],
    [410, { delivered: false, gone: true }],
    [500, { delivered: false, status: 500 }],
    [(response) => { response.writeHead(307, { location: elsewhere.url }).end() },
      { delivered: false, status: 307 }],
    [(response) => { response.writeHead(503, { 'retry-after': '120' }).end() },
      { delivered: false, retryAfterMs: 120_000 }],
    [(response) => {
      response.writeHead(429, { 'retry-after': new Date(NOW + 60_000).toUTCString() }).end()
    }, { delivered: false, retryAfterMs: 60_000 }],
    [(response) => { response.writeHead(503, { 'retry-after': 'soon' }).end() },
      { delivered: false, retryAfterMs: undefined }],
    [(response) => { response.writeHead(200).end('x'.repeat(1_000_000)) }, { delivered: true }],
    [(response) => { response.writeHead(200).write('and then nothing') }, { delivered: true }],
    [(response) => { response.destroy() }, { delivered: false, error: 'no answer: ECONNRESET' }],
    [() => {}, { delivered: false, status: undefined, error: 'no answer within 300 ms' }]
  ]
  const made = sender(t, { url: there.url })
  for (const [reply, attempt] of rows) {
    there.answer = () => reply
    t.match(await made.send(MESSAGE, never), attempt, JSON.stringify(attempt))
  }
  t.equal(elsewhere.received.length, 0, 'redirects are not followed')
  t.equal(there.received.length, rows.length, 'and nothing is sent twice')
})

t.test('one connection serves one message after the other', async (t) => {
  const there = await receiver(t)
  const ports = new Set<number | undefined>()
  there.answer = () => (response) => {
    ports.add(response.socket?.remotePort)
    response.writeHead(200).end('thanks')
  }
  const made = sender(t, { url: there.url })
  for (let n = 0; n < 20; n++) await made.send(MESSAGE, never)
  t.equal(ports.size, 1)
})

t.test('whatever is wrong is an answer, in words that tell no addresses', async (t) => {
  const busy = createServer((socket) => { socket.end('SSH-2.0-nonsense\r\n') })
  await new Promise<void>((resolve) => { busy.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { busy.close() })
  const { port } = busy.address() as AddressInfo
  const hang = async (): Promise<string[]> => await new Promise(() => {})
  const fail = async (): Promise<string[]> => {
    throw Object.assign(new Error('queryA ENOTFOUND hooks.example.com'), { code: 'ENOTFOUND' })
  }
  const url = 'https://hooks.example.com/'
  const rows: ReadonlyArray<readonly [Partial<SenderOptions> & { url: string }, string]> = [
    [{ url: 'http://127.0.0.1:1/' }, 'no answer: ECONNREFUSED'],
    [{ url: `http://127.0.0.1:${port}/` }, 'no answer: HPE_INVALID_CONSTANT'],
    [{ url, resolve: fail }, 'no answer: ENOTFOUND'],
    [{ url, resolve: hang }, 'no answer within 300 ms'],
    [{ url, resolve: async () => ['10.1.2.3'] },
      'the name stands for an address that not everybody can reach'],
    [{ url: 'http://127.0.0.1/', allowLoopback: false }, 'the address is not https']
  ]
  for (const [options, error] of rows) {
    t.strictSame(await sender(t, options).send(MESSAGE, never), {
      delivered: false, status: undefined, error, gone: false, retryAfterMs: undefined
    })
  }
})

t.test('an attempt ends with the signal', async (t) => {
  const there = await receiver(t)
  there.answer = () => () => {}
  const stop = new AbortController()
  const sending = sender(t, { url: there.url, timeoutMs: 60_000 }).send(MESSAGE, stop.signal)
  setTimeout(() => { stop.abort() }, 50)
  t.match(await sending, { delivered: false })
})

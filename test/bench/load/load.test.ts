import { createServer, type Server } from 'node:http'
import t, { type Test } from 'tap'
import { runClosed } from './closed.ts'
import { parseAnswer } from './connection.ts'
import { runOpen } from './open.ts'
import { runReplay } from './replay.ts'
import { prepareRequests, type Appends } from './requests.ts'

const APPENDS: Appends = { kind: 'appends', seed: 1, batch: 1, credentials: ['a', 'b', 'c'] }

interface Answering { readonly port: number, readonly bodies: string[] }

/** A server that answers every request with a status, after reading all of it. */
async function answering (t: Test, status: number, delayMs = 0): Promise<Answering> {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      bodies.push(Buffer.concat(parts).toString())
      setTimeout(() => {
        response.writeHead(status, { 'content-length': '2' }).end('{}')
      }, delayMs)
    })
  })
  return { port: await listen(t, server), bodies }
}

async function listen (t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

const credentials = ['x-tenant: a\r\n', 'x-tenant: b\r\n', 'x-tenant: c\r\n']

t.test('an answer is one when all of it is there', async (t) => {
  const text = 'HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nabcd'
  for (let length = 0; length < text.length; length++) {
    t.equal(parseAnswer(Buffer.from(text.slice(0, length))), undefined)
  }
  const answer = parseAnswer(Buffer.from(text))
  t.equal(answer?.status, 201)
  t.equal(answer?.body.toString(), 'abcd')
})

t.test('a chunked answer ends with its last chunk, one without a body with its head', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
  t.equal(parseAnswer(Buffer.from(head)), undefined)
  t.equal(parseAnswer(Buffer.from(head + '2\r\nab\r\n')), undefined)
  t.equal(parseAnswer(Buffer.from(head + '2\r\nab\r\n0\r\n\r\n'))?.status, 200)
  t.equal(parseAnswer(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'))?.status, 204)
})

t.test('no id is sent twice, in batches neither', async (t) => {
  const ids = [1, 100].flatMap((batch) => {
    const next = prepareRequests({ ...APPENDS, batch, credentials })
    return Array.from({ length: 400 }, () => next().toString().match(/"id":"[0-9a-f-]{36}"/g) ?? [])
  }).flat()
  t.equal(ids.length, 400 + 400 * 100)
  t.equal(new Set(ids).size, ids.length)
})

t.test('a closed loop sends so many requests and no more, each a whole event', async (t) => {
  const { port, bodies } = await answering(t, 201)
  const tally = await runClosed({
    kind: 'closed',
    port,
    connections: 4,
    seconds: 10,
    requestsMax: 50,
    source: { ...APPENDS, credentials }
  })
  t.equal(tally.answered, 50)
  t.equal(tally.failed, 0)
  t.equal(bodies.length, 50)
  t.ok(bodies.every((body) => typeof JSON.parse(body).action === 'string'))
})

t.test('a closed loop ends with its time', async (t) => {
  const { port } = await answering(t, 200, 20)
  const source = { kind: 'gets' as const, credential: '', paths: ['/'] }
  const tally = await runClosed({
    kind: 'closed', port, connections: 2, seconds: 0.3, requestsMax: 1e6, source
  })
  t.ok(tally.answered >= 4 && tally.answered <= 32, `${tally.answered} answered`)
  t.ok(tally.latencyMs.p50 >= 19, `${tally.latencyMs.p50} ms`)
})

t.test('what is refused is counted as failed, and the first refusal is told', async (t) => {
  const { port } = await answering(t, 503)
  const source = { kind: 'gets' as const, credential: '', paths: ['/'] }
  const tally = await runClosed({
    kind: 'closed', port, connections: 1, seconds: 5, requestsMax: 3, source
  })
  t.equal(tally.answered, 0)
  t.equal(tally.failed, 3)
  t.equal(tally.firstFailure, '503 {}')
})

t.test('an open loop keeps its rate, and waiting for a slow server counts', async (t) => {
  const { port } = await answering(t, 201, 50)
  const tally = await runOpen({
    kind: 'open',
    port,
    // Two connections serve 40 a second: half of what is due waits in line.
    connections: 2,
    perSecond: 80,
    seconds: 0.5,
    source: { ...APPENDS, credentials }
  })
  t.equal(tally.answered, 40)
  t.ok(tally.latencyMs.max > 300, `${tally.latencyMs.max} ms`)
})

t.test('a replay counts the lines of its content, however they are cut', async (t) => {
  const server = createServer((_request, response) => {
    response.write('{"a":1}\n{"b"')
    setTimeout(() => { response.write(':2}'); response.end('\n{"c":3}\n') }, 20)
  })
  const port = await listen(t, server)
  const result = await runReplay({
    kind: 'replay', port, path: '/', credential: '', secondsMax: 5
  })
  t.equal(result.lines, 3)
  t.equal(result.status, 200)
  t.equal(result.complete, true)
})

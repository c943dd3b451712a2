import { randomBytes } from 'node:crypto'
import http2, { type ClientHttp2Session } from 'node:http2'
import net from 'node:net'
import t from 'tap'
import { event, givenNode } from './given-node.ts'

const STREAMS = '/event_store.client.streams.Streams/'
const UUID = '00000000-0000-4000-8000-000000000000'

/** A gRPC message. */
function message (body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

/** Sends bytes as one call; gives the gRPC status that the node ends it with. */
function call (session: ClientHttp2Session, path: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers'
    })
    let status = 'none'
    stream.on('trailers', (trailers) => { status = String(trailers['grpc-status']) })
    stream.on('error', () => {})
    stream.on('close', () => { resolve(status) })
    stream.resume()
    stream.end(bytes)
  })
}

t.test('calls that are no calls end with a status and harm nobody', async (t) => {
  const { node, client } = await givenNode(t)
  const session = http2.connect(`http://127.0.0.1:${node.port}`)
  t.teardown(() => session.destroy())
  const cases: [string, string, Buffer, string][] = [
    ['an unknown method', `${STREAMS}Nothing`, message(Buffer.alloc(0)), '12'],
    ['an unknown service', '/a.b/C', message(Buffer.alloc(0)), '12'],
    ['no path to speak of', '/', message(Buffer.alloc(0)), '12'],
    ['a read of nothing', `${STREAMS}Read`, message(Buffer.alloc(0)), '3'],
    ['a read without a message', `${STREAMS}Read`, Buffer.alloc(0), '3'],
    ['a message that is no protobuf', `${STREAMS}Read`, message(randomBytes(100)), '3'],
    ['a compressed message', `${STREAMS}Read`, Buffer.from([1, 0, 0, 0, 0]), '12'],
    ['a message larger than may be', `${STREAMS}BatchAppend`,
      Buffer.from([0, 0x40, 0, 0, 0, 1, 2, 3]), '8'],
    ['a batch append without an id', `${STREAMS}BatchAppend`, message(Buffer.from('2001', 'hex')),
      '3'],
    ['an append without a stream', `${STREAMS}Append`, Buffer.alloc(0), '3'],
    ['half a message', `${STREAMS}Delete`, Buffer.from([0, 0, 0, 0, 9, 1]), '3']
  ]
  for (const [name, path, bytes, status] of cases) {
    t.equal(await call(session, path, bytes), status, name)
  }
  for (let n = 0; n < 200; n++) {
    const paths = ['Read', 'Append', 'BatchAppend', 'Delete', 'Tombstone']
    const garbage = message(randomBytes(1 + n % 90))
    if (await call(session, STREAMS + paths[n % 5], garbage) === '13') t.fail('internal error')
  }
  t.match(await client.appendToStream('s', event()), { success: true })
})

t.test('connections that are no HTTP, or say nothing, are dropped', async (t) => {
  const { node, client } = await givenNode(t)
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
  const texts = ['GARBAGE\r\n\r\n', preface + 'x'.repeat(5000), 'PR', '']
  const sockets = texts.map((text) => {
    const socket = net.connect(node.port, '127.0.0.1', () => socket.write(text))
    socket.on('error', () => {})
    return socket
  })
  await Promise.all(sockets.slice(0, 2).map((socket) =>
    new Promise((resolve) => { socket.resume().on('close', resolve) })))
  t.match(await client.appendToStream('s', event()), { success: true })
  for (const socket of sockets) socket.destroy()
})

t.test('an append whose chunks stop coming is answered as late', async (t) => {
  const { node } = await givenNode(t)
  const session = http2.connect(`http://127.0.0.1:${node.port}`)
  t.teardown(() => session.destroy())
  const stream = session.request({
    ':method': 'POST', ':path': `${STREAMS}BatchAppend`, 'content-type': 'application/grpc'
  })
  const field = (tag: number, bytes: Buffer) =>
    Buffer.concat([Buffer.from([tag, bytes.length]), bytes])
  const id = field(0x0a, field(0x12, Buffer.from(UUID)))
  const options = field(0x12, Buffer.concat([
    field(0x0a, field(0x1a, Buffer.from('s'))), Buffer.from([0x22, 0])
  ]))
  stream.write(message(Buffer.concat([id, options])))
  const answer = await new Promise<Buffer>((resolve) => { stream.once('data', resolve) })
  t.match(answer.toString('latin1'), /event_store\.client\.Timeout/)
  t.match(answer.toString('latin1'), UUID, 'under its id')
  stream.close()
})

t.test('a client that reads nothing does not fill the memory', async (t) => {
  const { node, client } = await givenNode(t)
  const data = 'x'.repeat(50_000)
  for (let n = 0; n < 40; n++) {
    await client.appendToStream('s', Array.from({ length: 10 }, () => event(data)))
  }
  const session = http2.connect(`http://127.0.0.1:${node.port}`,
    { settings: { initialWindowSize: 1_000_000 } })
  t.teardown(() => session.destroy())
  const before = process.memoryUsage().rss
  // ReadReq: all from the start, forward, everything, no filter, string ids.
  const request = message(Buffer.from('0a0e12021200288080044200' + '4a021200', 'hex'))
  const read = () => {
    const stream = session.request({
      ':method': 'POST', ':path': `${STREAMS}Read`, 'content-type': 'application/grpc'
    })
    stream.on('error', () => {})
    stream.end(request)
    return stream
  }
  let bytes = 0
  for await (const chunk of read()) bytes += chunk.length
  t.ok(bytes > 400 * 50_000, 'one that does read gets it all')
  for (let n = 0; n < 50; n++) read().pause()
  await new Promise((resolve) => { setTimeout(resolve, 1_000) })
  const grown = (process.memoryUsage().rss - before) / 1024 / 1024
  t.ok(grown < 200, `fifty stalled readers of 20 MB took ${Math.round(grown)} MB`)
  t.match(await client.appendToStream('s', event()), { success: true })
})

import { EventEmitter } from 'node:events'
import { mock } from 'node:test'
import { setImmediate as settle } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { WebSocket } from 'ws'
import type { Piece } from '../../src/api/follow.ts'
import { asEventStream, sendMessages, STALLED_MS } from '../../src/api/send-live.ts'

const SIGN: Piece = { events: [], told: 0, seen: 7n, isAll: true }
const NEWS: Piece = {
  events: [{ position: 8n, text: '{"id":"a"}' }, { position: 9n, text: '{"id":"b"}' }],
  told: 2,
  seen: 9n,
  isAll: true
}

async function * pieces (...all: Piece[]): AsyncGenerator<Piece> {
  yield * all
}

/** Time passes as the test says. */
function timers (t: Test): (ms: number) => void {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  return (ms) => { mock.timers.tick(ms) }
}

/** A socket that takes messages, or does not. */
class Taking extends EventEmitter {
  readonly sent: string[] = []
  pings = 0
  terminated = false
  takes = true
  answers = true
  readonly #waiting: Array<() => void> = []

  send (message: string, done: () => void): void {
    this.sent.push(message)
    if (this.takes) done()
    else this.#waiting.push(done)
  }

  ping (): void {
    this.pings++
    if (this.answers) this.emit('pong')
  }

  terminate (): void {
    this.terminated = true
    for (const done of this.#waiting) done()
  }
}

const run = async (socket: unknown, ...all: Piece[]): Promise<void> => {
  await sendMessages(socket as WebSocket, pieces(...all))
}

t.test('pieces become blocks, made once for all readers', async (t) => {
  const read = async (): Promise<Buffer[]> => {
    const blocks: Buffer[] = []
    for await (const block of asEventStream(pieces(SIGN, NEWS), t.fail)) blocks.push(block)
    return blocks
  }
  const [first, second] = [await read(), await read()]
  t.strictSame(first.map(String), [
    'retry: 2000\nid: 7\n: still here\n\n',
    'id: 8\ndata: {"id":"a"}\n\nid: 9\ndata: {"id":"b"}\n\n'
  ])
  t.equal(first[1], second[1], 'the very same bytes')
})

t.test('a reader of blocks that takes none in time is told of, and no other', async (t) => {
  const pass = timers(t)
  let stalled = 0
  const blocks = asEventStream(pieces(SIGN, NEWS, NEWS), () => { stalled++ })
  await blocks.next()
  pass(STALLED_MS - 1)
  await blocks.next()
  pass(STALLED_MS - 1)
  t.equal(stalled, 0)
  pass(1)
  t.equal(stalled, 1)
})

t.test('pieces become messages, and signs of life pings', async (t) => {
  const socket = new Taking()
  await run(socket, SIGN, NEWS, SIGN)
  t.strictSame(socket.sent, [
    '{"after":"7"}', '{"after":"8","event":{"id":"a"}}', '{"after":"9","event":{"id":"b"}}',
    '{"after":"7"}'
  ])
  t.equal(socket.pings, 2)
  t.equal(socket.terminated, false)
})

t.test('who takes no message in time is cut off', async (t) => {
  const pass = timers(t)
  const socket = new Taking()
  socket.takes = false
  const running = run(socket, NEWS)
  await settle()
  pass(STALLED_MS - 1)
  t.equal(socket.terminated, false)
  pass(1)
  t.equal(socket.terminated, true)
  await running
})

t.test('who has not answered a ping by the next is cut off', async (t) => {
  const socket = new Taking()
  socket.answers = false
  await run(socket, SIGN, NEWS)
  t.equal(socket.terminated, false)
  await run(socket, SIGN, SIGN, NEWS)
  t.equal(socket.terminated, true)
})

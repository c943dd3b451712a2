import { PassThrough } from 'node:stream'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import { LONG_READS_AT_ONCE_MAX } from '../../src/api/long-reads.ts'
import { sendLines } from '../../src/api/ndjson.ts'
import { mintId } from '../../src/ledger/ids.ts'
import { event, testService, type Answer } from './service.ts'

const service = await testService(t)
const { call, append, log } = service

const replay = async (url: string): Promise<Answer> => await call('acme.compliance', url)

interface Line {
  id: string,
  revision: string,
  position: string,
  stream: string,
  end?: true,
  complete?: boolean
  events?: number
}
const linesOf = ({ body }: Answer): Line[] =>
  body.trim().split('\n').map((line) => JSON.parse(line))

const receipt = await append('acme', event({ entity: { type: 'film', id: 'one' } }))
for (let i = 0; i < 4; i++) {
  await append('acme', event({ entity: { type: 'film', id: 'one' }, data: { i } }))
  await append('globex', event({ entity: { type: 'film', id: 'one' } }))
}
const { stream } = receipt

t.test('a stream is replayed in order, and says that it is whole', async (t) => {
  const answer = await replay(`/v1/streams/${stream}/events`)
  t.equal(answer.statusCode, 200, answer.body)
  t.equal(answer.headers['content-type'], 'application/x-ndjson')
  const lines = linesOf(answer)
  t.strictSame(lines.slice(0, -1).map(({ revision }) => revision), ['0', '1', '2', '3', '4'])
  t.strictSame(lines.at(-1), { end: true, complete: true, events: 5 })
})

t.test('what is replayed is what the log holds, personal data sealed', async (t) => {
  const [first] = linesOf(await replay(`/v1/streams/${stream}/events?until=0`))
  for await (const recorded of log.readStream(stream, { max: 1 })) {
    t.strictSame(first, JSON.parse(JSON.stringify({
      ...recorded,
      revision: '0',
      position: String(recorded.position),
      prepare: undefined,
      json: undefined
    })))
  }
  t.notOk(JSON.stringify(first).includes('Alice'))
})

t.test('a replay goes on where it was told to', async (t) => {
  const part = linesOf(await replay(`/v1/streams/${stream}/events?from=2&until=3`))
  t.strictSame(part.slice(0, -1).map(({ revision }) => revision), ['2', '3'])
  const beyond = linesOf(await replay(`/v1/streams/${stream}/events?from=5`))
  t.strictSame(beyond, [{ end: true, complete: true, events: 0 }])
})

t.test('streams of others, absent ones and names of none look the same', async (t) => {
  const names = ['globex.film-one', 'acme.film-two', '$all', '$ce-acme.film', 'acme', 'acme.-x']
  for (const name of [...names, 'ACME.film-one', 'x'.repeat(2_000)]) {
    const answer = await replay(`/v1/streams/${encodeURIComponent(name)}/events`)
    t.equal(answer.statusCode, 404, name)
    t.equal(answer.json().type, '/problems/not-found')
  }
  const foreign = await call('globex.auditor', `/v1/streams/${stream}/events`)
  t.equal(foreign.statusCode, 404)
})

t.test('all of a tenant is replayed in the log\'s order, and nothing of others', async (t) => {
  const answer = await replay('/v1/replay')
  const lines = linesOf(answer)
  const events = lines.slice(0, -1)
  t.ok(events.length >= 5)
  t.ok(events.every(({ stream }) => stream.startsWith('acme.')))
  const positions = events.map(({ position }) => BigInt(position))
  t.strictSame(positions, positions.toSorted((a, b) => a < b ? -1 : Number(a > b)))
  t.match(lines.at(-1), { end: true, complete: true, events: events.length })
  t.match(answer.headers['ledger-position'], /^\d+$/)
})

t.test('parts of a replay put together are the whole', async (t) => {
  const answer = await replay('/v1/replay')
  const head = answer.headers['ledger-position']
  const whole = linesOf(answer).slice(0, -1)
  for (let cut = 0; cut < whole.length; cut++) {
    const last = whole[cut]
    const rest = linesOf(await replay(`/v1/replay?after=${last?.position}&until=${head}`))
    t.strictSame(rest.slice(0, -1), whole.slice(cut + 1), `after event ${cut}`)
  }
  const bounded = linesOf(await replay(`/v1/replay?until=${whole[1]?.position}`)).slice(0, -1)
  t.strictSame(bounded, whole.slice(0, 2))
})

t.test('only the place of an event of one\'s own can be gone on from', async (t) => {
  const theirs = linesOf(await call('globex.auditor', '/v1/replay'))[0]?.position
  for (const after of ['1', '999999999999', '9'.repeat(19), theirs]) {
    const answer = await replay(`/v1/replay?after=${after}`)
    t.equal(answer.statusCode, 400, String(after))
    t.equal(answer.json().violations[0].pointer, 'after')
  }
})

t.test('lines leave in chunks, and a reader that goes away closes the source', async (t) => {
  let closed = false
  let made = 0
  async function * endless (): AsyncGenerator<string> {
    try {
      while (true) {
        made++
        yield 'x'.repeat(1_000)
      }
    } finally {
      closed = true
    }
  }
  const { reply, body } = fakeReply()
  await sendLines(reply, endless())
  const iterator = body()[Symbol.asyncIterator]()
  const { value } = await iterator.next()
  t.ok(String(value).length >= 64 * 1_024)
  await iterator.return?.()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.ok(closed)
  t.ok(made < 1_000, `${made} lines were made for one chunk`)
})

t.test('what another program wrote is a line all the same', async (t) => {
  const texts = ['{\n  "pretty": true\n}', '{ "spaced": 1 }', '{"cut', '"text"', '7', '']
  await log.append('acme.film-foreign', texts.map((json) =>
    ({ id: mintId(), type: 'odd', data: undefined, json })), undefined)
  const lines = linesOf(await replay('/v1/streams/acme.film-foreign/events'))
  t.strictSame(lines.slice(0, -1).map((line) => Reflect.get(line, 'data')),
    [{ pretty: true }, { spaced: 1 }, '{"cut', 'text', 7, ''])
})

t.test('so many are sent at once, and the places are given back', async (t) => {
  const all = await Promise.all(Array.from({ length: LONG_READS_AT_ONCE_MAX + 1 }, async () =>
    await replay('/v1/replay')))
  const refused = all.filter(({ statusCode }) => statusCode === 503)
  t.equal(refused.length, 1)
  t.equal(refused[0]?.headers['retry-after'], '5')
  t.match(refused[0]?.json(), { type: '/problems/overloaded' })
  for (let n = 0; n <= LONG_READS_AT_ONCE_MAX; n++) {
    t.equal((await replay(`/v1/streams/${stream}/events`)).statusCode, 200)
  }
})

t.test('without the log a replay is a problem', async (t) => {
  await service.node.stop()
  const answer = await replay(`/v1/streams/${stream}/events`)
  t.equal(answer.statusCode, 503, answer.body)
  t.match(answer.json(), { type: '/problems/log-unavailable' })
})

/** As much of a reply as sendLines uses. */
function fakeReply (): { reply: FastifyReply, body: () => PassThrough } {
  let sent: unknown
  const reply = {
    type () { return reply },
    async send (body: unknown) { sent = body }
  }
  return { reply: reply as unknown as FastifyReply, body: () => sent as PassThrough }
}

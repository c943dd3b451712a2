import { randomUUID } from 'node:crypto'
import {
  ANY, BACKWARDS, EventStoreDBClient, NO_STREAM, STREAM_EXISTS, binaryEvent, jsonEvent
} from '@eventstore/db-client'
import t from 'tap'
import { all, event, failure, givenNode } from './given-node.ts'

const credentials = { username: 'admin', password: 'changeit' }

/** The client appends by BatchAppend, or by Append when a call has credentials of its own. */
for (const [name, options] of [['batch append', {}], ['append', { credentials }]] as const) {
  t.test(`${name}: success and every refusal arrive as the client's own`, async (t) => {
    const { client } = await givenNode(t)
    const append = (stream: string, events: ReturnType<typeof event>[], revision: bigint |
      typeof ANY | typeof NO_STREAM | typeof STREAM_EXISTS) =>
      client.appendToStream(stream, events, { ...options, expectedRevision: revision })

    const first = await append('s', [event(0), event(1)], NO_STREAM)
    t.match(first, { success: true, nextExpectedRevision: 1n })
    const [newest] = await all(client.readAll({
      direction: BACKWARDS, fromPosition: 'end', maxCount: 1
    }))
    t.same(newest?.event?.position, first.position, 'the position is that of the last event')
    t.match(await append('s', [event(2)], 1n), { nextExpectedRevision: 2n })
    t.match(await append('s', [event(3)], STREAM_EXISTS), { nextExpectedRevision: 3n })
    t.match(await append('s', [event(4)], ANY), { nextExpectedRevision: 4n })
    t.match(await append('s', [], 4n), { success: true, nextExpectedRevision: 4n })

    const wrong = (expected: unknown, actual: unknown) =>
      ({ type: 'wrong-expected-version', expectedVersion: expected, actualVersion: actual })
    t.match(await failure(append('s', [event()], 7n)), wrong(7n, 4n))
    t.match(await failure(append('s', [event()], NO_STREAM)), wrong(NO_STREAM, 4n))
    t.match(await failure(append('none', [event()], 3n)), wrong(3n, NO_STREAM))
    t.match(await failure(append('none', [event()], STREAM_EXISTS)),
      wrong(STREAM_EXISTS, NO_STREAM))

    const again = [event(5), event(6)]
    const once = await append('s', again, 4n)
    t.same(await append('s', again, 4n), once, 'the same call again has the same answer')
    t.same(await append('s', again, ANY), once)
    t.match(await failure(append('s', [...again, event(7)], ANY)),
      { type: 'wrong-expected-version' })

    t.match(await failure(append('$$$$s', [event()], ANY)), { type: 'unknown' })
    const mine = failure(append('s', [jsonEvent({ id: 'x', type: 't', data: {} })], ANY))
    const other = append('s', [event(8)], ANY)
    t.match(await mine, { type: 'unknown' })
    t.match(await other, { nextExpectedRevision: 7n }, 'a bad id does no harm to other appends')
  })
}

t.test('one event past the append size is refused, at the size it is taken', async (t) => {
  const { client } = await givenNode(t, { maxAppendSize: 10_000 })
  const sized = (bytes: number) => binaryEvent({ type: 't', data: Buffer.alloc(bytes) })
  t.match(await client.appendToStream('s', [sized(4_000), sized(6_000)]), { success: true })
  const tooLarge = { type: 'maximum-append-size-exceeded', maxAppendSize: 10_000 }
  t.match(await failure(client.appendToStream('s', [sized(4_000), sized(6_001)])), tooLarge)
  t.match(await failure(client.appendToStream('s', sized(10_001), { credentials })), tooLarge)
  const chunked = client.appendToStream('s', [sized(4_000), sized(4_000), sized(4_000)],
    { batchAppendSize: 5_000 })
  t.match(await failure(chunked), tooLarge, 'in chunks, too')
  const fits = [sized(4_000), sized(4_000)]
  t.match(await client.appendToStream('s', fits, { batchAppendSize: 5_000 }),
    { nextExpectedRevision: 3n }, 'and the connection still works')
})

t.test('an append that arrives after its deadline is refused', async (t) => {
  const { client } = await givenNode(t, { now: () => Date.now() + 11_000 })
  t.match(await failure(client.appendToStream('s', event())), { type: 'deadline-exceeded' })
  t.match(await client.appendToStream('s', event(), { deadline: 30_000 }),
    { nextExpectedRevision: 0n }, 'and not written')
})

t.test('what was appended is read back whole: types, metadata, bytes, time', async (t) => {
  const now = Date.UTC(2026, 10, 20, 7, 13, 0, 123)
  const { client } = await givenNode(t, { now: () => now })
  const id = randomUUID().toUpperCase()
  const metadata = { $correlationId: 'c', $causationId: 'd' }
  await client.appendToStream('Käse-1', [
    jsonEvent({ id, type: 'käse.gereift', data: { ü: '🧀', n: 1.5 }, metadata }),
    binaryEvent({ type: 'raw', data: Buffer.from([0, 255]), metadata: Buffer.from([1, 2]) }),
    jsonEvent({ type: 'empty', data: {} })
  ])
  const [first, second, third] = (await all(client.readStream('Käse-1'))).map(({ event }) => event)
  t.match(first, {
    streamId: 'Käse-1',
    id: id.toLowerCase(),
    revision: 0n,
    type: 'käse.gereift',
    isJson: true,
    data: { ü: '🧀', n: 1.5 },
    metadata
  })
  t.equal(first?.created.getTime(), now)
  t.equal(Buffer.from(second?.data as Uint8Array).toString('hex'), '00ff')
  t.equal(third?.metadata, undefined)
})

t.test('reads give the revisions that they are asked for', async (t) => {
  const { client } = await givenNode(t)
  await client.appendToStream('s', Array.from({ length: 10 }, (_, n) => event(n)))
  const read = async (options: Parameters<typeof client.readStream>[1]) =>
    (await all(client.readStream('s', options))).map(({ event }) => Number(event?.revision))
  t.same(await read({}), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  t.same(await read({ fromRevision: 8n }), [8, 9])
  t.same(await read({ fromRevision: 3n, maxCount: 2 }), [3, 4])
  t.same(await read({ fromRevision: 10n }), [], 'beyond the end there is nothing')
  t.same(await read({ fromRevision: 2n ** 64n - 1n }), [])
  t.same(await read({ fromRevision: 'end' }), [])
  t.same(await read({ direction: BACKWARDS, fromRevision: 'end', maxCount: 3 }), [9, 8, 7])
  t.same(await read({ direction: BACKWARDS, fromRevision: 2n }), [2, 1, 0])
  t.same(await read({ direction: BACKWARDS, fromRevision: 99n, maxCount: 1 }), [9])
  t.same(await read({ direction: BACKWARDS, fromRevision: 'start' }), [0])
  t.match(await failure(all(client.readStream('none'))),
    { type: 'stream-not-found', streamName: 'none' })
})

t.test('$all is every event once, in order, from any position both ways', async (t) => {
  const { client } = await givenNode(t)
  for (let n = 0; n < 300; n++) await client.appendToStream(`s-${n % 7}`, [event(n), event(-n)])
  const positions = async (options: Parameters<typeof client.readAll>[0]) =>
    (await all(client.readAll(options))).map((resolved) => {
      const position = resolved.event?.position
      if (position === undefined) throw new Error('an event without a position')
      return position
    })
  const everything = await positions({})
  t.equal(everything.length, 602, 'with the events of a fresh database')
  t.ok(everything.every(({ commit, prepare }, i) =>
    commit === prepare && commit > (everything[i - 1]?.commit ?? 0n)), 'strictly increasing')
  const [some = everything[0], next] = everything.slice(400)
  if (some === undefined || next === undefined) throw new Error('too few events')
  t.same(await positions({ fromPosition: some }), everything.slice(400), 'forward is inclusive')
  t.same(await positions({ fromPosition: some, direction: BACKWARDS }),
    everything.slice(0, 400).reverse(), 'backward is exclusive')
  t.same(await positions({ fromPosition: 'end', direction: BACKWARDS, maxCount: 600 }),
    everything.slice(2).reverse())
  t.same(await positions({ fromPosition: 'end' }), [])
  t.same(await positions({ fromPosition: 'start', direction: BACKWARDS }), [])
  const beyond = { commit: 2n ** 50n, prepare: 2n ** 50n }
  t.same(await positions({ fromPosition: beyond }), [])
  const within = { commit: some.commit + 1n, prepare: some.commit + 1n }
  t.match(await failure(all(client.readAll({ fromPosition: within }))), { type: 'unknown' },
    'a position within an event is none')
})

t.test('metadata hides events from readers of the stream, not of $all', async (t) => {
  let now = Date.now()
  const { client } = await givenNode(t, { now: () => now })
  const revisions = async (options = {}) =>
    (await all(client.readStream('s', options))).map(({ event }) => Number(event?.revision))
  await client.appendToStream('s', [0, 1, 2, 3].map((n) => event(n)))
  t.same(await client.getStreamMetadata('s'), { streamName: 's' })
  await client.setStreamMetadata('s', { maxCount: 3, custom: [1] })
  t.same(await revisions(), [1, 2, 3])
  t.same(await revisions({ direction: BACKWARDS, fromRevision: 'end' }), [3, 2, 1])
  t.match(await client.getStreamMetadata('s'), { metadata: { maxCount: 3, custom: [1] } })
  await client.setStreamMetadata('s', { truncateBefore: 3 })
  t.same(await revisions(), [3])
  t.equal((await all(client.readStream('$$s'))).length, 1, 'a metastream shows its last event')
  await client.setStreamMetadata('s', { maxAge: 60, acl: { readRoles: ['$all'] } })
  now += 60_000
  t.same(await revisions({ fromRevision: 2n }), [2, 3])
  now += 1
  t.same(await revisions(), [], 'older than the age')
  // A batch append would be late: its deadline is by the client's clock.
  await client.appendToStream('s', event(4), { credentials })
  t.same(await revisions(), [4])
  const inAll = await all(client.readAll())
  t.equal(inAll.filter(({ event }) => event?.streamId === 's').length, 5)
})

t.test('a deleted stream comes back with its numbers, a tombstoned one never', async (t) => {
  const { client } = await givenNode(t)
  await client.appendToStream('s', [event(0), event(1)])
  await client.setStreamMetadata('s', { maxCount: 9, owner: 'x' })
  t.match(await failure(client.deleteStream('s', { expectedRevision: 0n })),
    { type: 'wrong-expected-version', streamName: 's', expectedVersion: 0n, actualVersion: 1n })
  const { position } = await client.deleteStream('s', { expectedRevision: 1n })
  t.ok(position)
  t.match(await failure(all(client.readStream('s'))), { type: 'stream-not-found' })
  t.match(await failure(client.appendToStream('s', event(), { expectedRevision: STREAM_EXISTS })),
    { type: 'stream-deleted' })
  t.match(await client.appendToStream('s', event(2), { expectedRevision: NO_STREAM }),
    { nextExpectedRevision: 2n })
  t.same((await all(client.readStream('s'))).map(({ event }) => event?.revision), [2n])
  t.match(await client.getStreamMetadata('s'),
    { metadata: { truncateBefore: 2, maxCount: 9, owner: 'x' } }, 'the rest of it is kept')

  await client.tombstoneStream('s')
  const gone = { type: 'stream-deleted', streamName: 's' }
  t.match(await failure(all(client.readStream('s'))), gone)
  t.match(await failure(client.appendToStream('s', event())), gone)
  t.match(await failure(client.appendToStream('s', event(), { credentials })), gone)
  t.match(await failure(client.setStreamMetadata('s', {})), { type: 'stream-deleted' })
  t.match(await failure(client.deleteStream('s')), gone)
  t.match(await failure(client.getStreamMetadata('s')), { type: 'stream-deleted' })
  const [last] = await all(client.readAll({
    direction: BACKWARDS, fromPosition: 'end', maxCount: 1
  }))
  t.match(last?.event, { type: '$streamDeleted', streamId: 's', revision: 2n ** 63n - 1n })
})

t.test('links resolve to the events that they name, when asked', async (t) => {
  const { client } = await givenNode(t)
  await client.appendToStream('a@b', [event('x'), event('y')])
  const link = (data: string) => ({ ...binaryEvent({ type: '$>', data: Buffer.from(data) }) })
  await client.appendToStream('links', [link('1@a@b'), link('7@a@b'), link('0@none'), event('z')])
  const plain = await all(client.readStream('links'))
  t.same(plain.map(({ event, link }) => [event?.type, link]),
    [['$>', undefined], ['$>', undefined], ['$>', undefined], ['test.happened', undefined]])
  const resolved = await all(client.readStream('links', { resolveLinkTos: true }))
  t.match(resolved[0], { event: { data: { n: 'y' }, revision: 1n }, link: { revision: 0n } })
  t.equal(resolved[0]?.commitPosition, plain[0]?.commitPosition)
  t.match(resolved[1], { link: { revision: 1n } })
  t.equal(resolved[1]?.event, undefined, 'what a link names may be gone')
  t.equal(resolved[2]?.event, undefined)
  t.match(resolved[3], { event: { data: { n: 'z' } } })
  const back = await all(client.readAll({
    resolveLinkTos: true, direction: BACKWARDS, fromPosition: 'end', maxCount: 4
  }))
  t.match(back.at(-1), { event: { streamId: 'a@b' }, link: { streamId: 'links' } })
})

t.test('discovery finds the node, ping answers, other services are not implemented', async (t) => {
  const { node, client } = await givenNode(t)
  const discovering = EventStoreDBClient
    .connectionString(node.url.replace('esdb:', 'esdb+discover:').replace('127.0.0.1', 'localhost'))
  t.teardown(() => discovering.dispose())
  t.match(await discovering.appendToStream('s', event()), { success: true })

  const ping = await fetch(`http://127.0.0.1:${node.port}/ping`)
  t.same([ping.status, await ping.json()], [200, { msg: 'Ping request successfully handled' }])
  t.equal((await fetch(`http://127.0.0.1:${node.port}/other`)).status, 404)

  const settings = { startFrom: 'start' as const }
  t.match(await failure(client.createPersistentSubscriptionToStream('s', 'g',
    { ...persistent, ...settings })), { code: 12 })
  t.match(await failure(client.createProjection('p', 'fromAll()')), { code: 12 })
  t.match(await failure(client.listAllPersistentSubscriptions()),
    { type: 'unknown', message: /Not Implemented/ })
})

const persistent = {
  resolveLinkTos: false,
  extraStatistics: false,
  messageTimeout: 1_000,
  maxRetryCount: 1,
  checkPointAfter: 1_000,
  checkPointLowerBound: 1,
  checkPointUpperBound: 1,
  maxSubscriberCount: 1,
  liveBufferSize: 10,
  readBatchSize: 5,
  historyBufferSize: 10,
  consumerStrategyName: 'RoundRobin' as const
}

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  eventTypeFilter, EventStoreDBClient, excludeSystemEvents, jsonEvent, streamNameFilter,
  type Filter, type Position
} from '@eventstore/db-client'
import t from 'tap'
import { all, event, givenNode } from './given-node.ts'

/** What a subscription said, in words, in order. */
function record (subscription: ReturnType<EventStoreDBClient['subscribeToStream']>): string[] {
  const said: string[] = []
  subscription.on('confirmation', () => said.push('confirmed'))
  subscription.on('caughtUp', () => said.push('caught up'))
  subscription.on('data', ({ event, link }) => said.push(`${(link ?? event)?.revision}`))
  subscription.on('error', (error) => said.push('type' in error ? String(error.type) : 'error'))
  return said
}

async function until (condition: () => boolean): Promise<void> {
  for (let n = 0; n < 500 && !condition(); n++) await sleep(10)
}

t.test('a stream subscription begins after its revision and says when it is live', async (t) => {
  const { client } = await givenNode(t)
  await client.appendToStream('s', [event(0), event(1), event(2)])
  const cases = {
    start: record(client.subscribeToStream('s', { fromRevision: 'start' })),
    after: record(client.subscribeToStream('s', { fromRevision: 1n })),
    end: record(client.subscribeToStream('s', { fromRevision: 'end' })),
    none: record(client.subscribeToStream('later', { fromRevision: 'start' }))
  }
  await until(() => Object.values(cases).every((said) => said.includes('caught up')))
  await client.appendToStream('s', [event(3), event(4)])
  await client.appendToStream('later', event(0))
  await until(() => cases.end.length === 4 && cases.none.length === 3)
  t.same(cases.start, ['confirmed', '0', '1', '2', 'caught up', '3', '4'])
  t.same(cases.after, ['confirmed', '2', 'caught up', '3', '4'])
  t.same(cases.end, ['confirmed', 'caught up', '3', '4'])
  t.same(cases.none, ['confirmed', 'caught up', '0'], 'a stream that is not there is waited for')

  await client.deleteStream('s')
  await client.appendToStream('s', event(5))
  await client.tombstoneStream('s')
  await until(() => Object.values(cases).slice(0, 3).every((said) => said.length > 4 &&
    said.at(-1) === 'stream-deleted'))
  t.same(cases.end.slice(4), ['5', 'stream-deleted'])
  const [error] = await once(client.subscribeToStream('s'), 'error')
  t.match(error, { type: 'stream-deleted', streamName: 's' })
})

/** Events and checkpoints of a filtered subscription, by their index in `$all`. */
async function filtered (
  client: EventStoreDBClient, filter: Omit<Filter, 'checkpointReached'>, fromPosition?: Position
): Promise<{ said: string[], stop: () => Promise<void> }> {
  const index = new Map((await all(client.readAll()))
    .map(({ event }, i) => [event?.position?.commit, i]))
  const said: string[] = []
  const place = (position: bigint | undefined) => index.get(position) ?? 'new'
  const subscription = client.subscribeToAll({
    ...(fromPosition === undefined ? {} : { fromPosition }),
    filter: {
      ...filter,
      checkpointReached: async (_, { commit }) => { said.push(`c${place(commit)}`) }
    } as Filter
  })
  subscription.on('data', ({ event }) => said.push(`e${place(event?.position?.commit)}`))
  subscription.on('caughtUp', () => said.push('live'))
  await until(() => said.includes('live'))
  return { said, stop: () => subscription.unsubscribe() }
}

t.test('filters choose by stream or type, and checkpoints tell how far was looked', async (t) => {
  const { client } = await givenNode(t)
  for (let n = 0; n < 4; n++) {
    await client.appendToStream(`a-${n}`, event(n, 'x.one'))
    await client.appendToStream(`b-${n}`, event(n, 'y.two'))
  }
  // $all: two system events (0, 1), then a (2), b (3), a (4), b (5), a (6), b (7), a (8), b (9).
  const cases: [string, Omit<Filter, 'checkpointReached'>, string[]][] = [
    ['prefixes of streams', streamNameFilter({ prefixes: ['a-', 'c-'], maxSearchWindow: 3 }),
      ['e2', 'c2', 'e4', 'c5', 'e6', 'e8', 'c8', 'c9', 'live']],
    ['a regular expression on streams', streamNameFilter({ regex: '^b-[02]$', maxSearchWindow: 5 }),
      ['e3', 'c4', 'e7', 'c9', 'live']],
    ['prefixes of types', eventTypeFilter({ prefixes: ['y.'], maxSearchWindow: 100 }),
      ['e3', 'e5', 'e7', 'e9', 'c9', 'live']],
    ['an interval of several windows',
      eventTypeFilter({ regex: '^x', maxSearchWindow: 2, checkpointInterval: 3 }),
      ['e2', 'e4', 'c5', 'e6', 'e8', 'c9', 'live']],
    ['no system events', excludeSystemEvents(),
      ['e2', 'e3', 'e4', 'e5', 'e6', 'e7', 'e8', 'e9', 'c9', 'live']]
  ]
  for (const [name, filter, expected] of cases) {
    const { said, stop } = await filtered(client, filter)
    t.same(said, expected, name)
    await stop()
  }
  const fourth = (await all(client.readAll()))[4]?.event?.position
  if (fourth === undefined) throw new Error('too few events')
  const { said, stop } = await filtered(client, streamNameFilter({ prefixes: ['a-'] }), fourth)
  t.same(said, ['e6', 'e8', 'c9', 'live'], 'after a position')
  for (let n = 0; n < 40; n++) await client.appendToStream('b-9', event(n, 'y.two'))
  await until(() => said.length > 4)
  t.same(said.slice(4), ['cnew'], 'checkpoints go on when nothing is wanted')
  await stop()
  const bad = client.subscribeToAll({ filter: streamNameFilter({ regex: '(' }) })
  t.match((await once(bad, 'error'))[0], { type: 'unknown', code: 3 })
})

t.test('a thousand subscriptions each get what they asked for', async (t) => {
  const { client } = await givenNode(t)
  await client.appendToStream('wide', event(0))
  const counts = new Array<number>(1_000).fill(0)
  const subscriptions = counts.map((_, i) => {
    const subscription = i % 2 === 0
      ? client.subscribeToStream('wide', { fromRevision: 'start' })
      : client.subscribeToAll({ fromPosition: 'end' })
    subscription.on('data', () => { counts[i] = (counts[i] ?? 0) + 1 })
    return once(subscription, 'caughtUp')
  })
  await Promise.all(subscriptions)
  for (let n = 0; n < 5; n++) await client.appendToStream('wide', event(n))
  await until(() => counts.every((count, i) => count === (i % 2 === 0 ? 6 : 5)))
  t.same([...new Set(counts)], [6, 5])
})

t.test('a slow consumer holds up neither the node nor others, and gets all', async (t) => {
  const { client } = await givenNode(t)
  const slow = client.subscribeToAll()
  slow.pause()
  const body = 'x'.repeat(2_000)
  const before = process.memoryUsage().rss
  for (let n = 0; n < 60; n++) {
    await client.appendToStream('s', Array.from({ length: 200 }, (_, i) =>
      jsonEvent({ type: 't', data: { n: n * 200 + i, body } })))
  }
  // The client is in this process too; what matters is that 27 MB are not held twice for it.
  t.ok(process.memoryUsage().rss - before < 250 * 1024 * 1024)
  let next = -2
  for await (const { event } of slow) {
    if (next >= 0 && event?.revision !== BigInt(next)) throw new Error(`not ${next}`)
    if (++next === 12_000) break
  }
  t.equal(next, 12_000)
})

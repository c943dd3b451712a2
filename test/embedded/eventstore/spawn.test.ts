import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import t from 'tap'
import { spawnNode } from '../../../src/embedded/eventstore/spawn.ts'

const event = (n: number) => jsonEvent({ type: 'test.happened', data: { n } })

t.test('a killed node starts again on its data and port and has everything', async (t) => {
  const dataDir = t.testdir()
  const first = await spawnNode({ dataDir })
  const client = EventStoreDBClient.connectionString(first.url)
  await client.appendToStream('s', [event(1), event(2)], { expectedRevision: 'no_stream' })
  process.kill(first.pid, 'SIGKILL')
  t.same(await first.exited, { code: null, signal: 'SIGKILL' })

  const second = await spawnNode({ dataDir, port: first.port })
  t.equal(second.port, first.port)
  const again = EventStoreDBClient.connectionString(second.url)
  const seen = []
  for await (const { event } of again.readStream('s')) seen.push(event?.data)
  t.same(seen, [{ n: 1 }, { n: 2 }])
  const result = await again.appendToStream('s', event(3), { expectedRevision: 1n })
  t.equal(result.nextExpectedRevision, 2n)
  await client.dispose()
  await again.dispose()
  await second.stop()
  t.same(await second.exited, { code: 0, signal: null })
})

t.test('a node that cannot start says why', async (t) => {
  const dataDir = t.testdir({ 'events.log': 'x'.repeat(100) })
  await t.rejects(spawnNode({ dataDir, onLine: () => {} }), /is not an event log/)
})

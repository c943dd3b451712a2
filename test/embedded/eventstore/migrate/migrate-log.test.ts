import { join } from 'node:path'
import { binaryEvent, EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import t from 'tap'
import { migrateLog } from '../../../../src/embedded/eventstore/migrate/migrate-log.ts'
import { startNode } from '../../../../src/embedded/eventstore/node.ts'
import { all, event, failure } from '../given-node.ts'

t.test('a log moves to another cluster whole, in order, and more than once', async (t) => {
  const dir = t.testdir()
  const [from, to] = await Promise.all([
    startNode({ dataDir: join(dir, 'from') }), startNode({ dataDir: join(dir, 'to') })
  ])
  const source = EventStoreDBClient.connectionString(from.url)
  const target = EventStoreDBClient.connectionString(to.url)
  t.teardown(async () => {
    await Promise.all([source.dispose(), target.dispose()])
    await Promise.all([from.stop(), to.stop()])
  })
  const migrate = () => migrateLog({ from: from.url, to: to.url })
  t.same(await migrate(), { copied: 0, verified: 0 }, 'an empty log')

  for (let n = 0; n < 150; n++) {
    await source.appendToStream(`s-${n % 5}`, [event(n), event(-n)])
  }
  await source.appendToStream('exact', [
    binaryEvent({ type: 'raw', data: Buffer.from([0, 255]), metadata: Buffer.from('not json') }),
    { ...jsonEvent({ type: 'x', data: {} }), metadata: Buffer.from('{"b":1.0, "a":2}') }
  ])
  await source.appendToStream('many', Array.from({ length: 1200 }, (_, n) => event(n)))
  await source.setStreamMetadata('many', { maxCount: 10 })
  await source.deleteStream('s-1')
  await source.appendToStream('s-1', event('back'))
  await source.setStreamMetadata('s-1', { truncateBefore: 50 })
  t.same(await migrate(), { copied: 1507, verified: 1507 })
  t.same(await migrate(), { copied: 0, verified: 1507 })

  await source.appendToStream('s-2', event('later'))
  await source.tombstoneStream('s-3')
  t.match(await migrate(), { copied: 2, verified: 1509 }, 'a second run takes what is new')
  await source.appendToStream('s-2', event('after the tombstone'))
  t.match(await migrate(), { copied: 1, verified: 1510 })

  const [theirs, mine] = await Promise.all([target, source].map((client) =>
    all(client.readStream('s-2'))))
  const facts = (list = theirs) =>
    list?.map(({ event }) => [event?.id, event?.revision, event?.data])
  t.same(facts(theirs), facts(mine))
  t.match(await failure(all(target.readStream('s-3'))), { type: 'stream-deleted' })
  t.equal((await all(target.readStream('many'))).length, 10)

  await target.appendToStream('s-0', event('of the target alone'))
  await t.rejects(migrate(), { name: 'MigrationError', message: /no copy of this log: .* s-0 60/ })
})

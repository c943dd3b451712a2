import t from 'tap'

import { entries } from '../../../projections/entries/projection.ts'
import { findEvent } from '../../../projections/entries/queries.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

t.test('an event becomes one row with what lists filter by', async (t) => {
  const event = decodedEvent(1, {
    correlationId: 'c-1',
    data: {
      actor: { type: 'user', ref: uuid(7) },
      context: { requestId: 'r-1' },
      tags: ['vip', 'vip', 'late'],
      sealed: [{
        ref: uuid(7),
        paths: ['/actor/id', '/context/ip'],
        commit: 'c',
        iv: 'i',
        ct: 't',
        find: { '/context/ip': 'tag-of-ip' }
      }]
    }
  })
  const store = given(t, entries).events([event])
  const rows = await store.rows(`
    select tenant, position, prepare, id, stream, revision, action, category, outcome, source,
      actor_type, actor_key, entity_type, entity_key, ip, session, correlation_id,
      occurred_at, recorded_at, leaf_hash
    from read.entry`)
  t.strictSame(rows, [{
    tenant: 'acme',
    position: 100n,
    prepare: 100n,
    id: uuid(1),
    stream: 'acme.order-1',
    revision: 0n,
    action: 'order.updated',
    category: 'change',
    outcome: 'success',
    source: 'shop',
    actor_type: 'user',
    actor_key: uuid(7),
    entity_type: 'order',
    entity_key: '1',
    ip: 'tag-of-ip',
    session: null,
    correlation_id: 'c-1',
    occurred_at: new Date(event.data.occurredAt),
    recorded_at: new Date(event.data.recordedAt),
    leaf_hash: event.leafHash
  }])
  t.strictSame(await store.rows('select tag from read.entry_tag order by tag'),
    [{ tag: 'late' }, { tag: 'vip' }])
})

t.test('the record is kept in parts: in clear, to be opened, sealed', async (t) => {
  const paths = ['/data/a~1b', '/actor/id']
  const section = { ref: uuid(7), paths, commit: 'c', iv: 'i', ct: 't' }
  const event = decodedEvent(2, {
    causationId: 'cause "1"',
    data: {
      actor: { type: 'user', ref: uuid(7) },
      description: 'quotes " and \\ and \u0000 and \u001f and \u2028 and 🎉',
      before: { deep: [1, null, { x: '{},"' }] },
      data: { 'a/b': null, rest: true },
      sealed: [section]
    }
  })
  const { read } = await given(t, entries).events([event]).ready()
  const row = await read(async (tx) => await findEvent(tx, uuid(2)))
  t.strictSame(JSON.parse(row?.head ?? ''), {
    actor: event.data.actor, data: { 'a/b': null, rest: true }
  })
  t.strictSame(JSON.parse(row?.sealed ?? ''), [section])
  t.strictSame(JSON.parse(`{${row?.body}}`), {
    id: uuid(2),
    stream: 'acme.order-2',
    revision: '0',
    position: '200',
    action: 'order.updated',
    category: 'change',
    outcome: 'success',
    leafHash: event.leafHash.toString('hex'),
    causationId: 'cause "1"',
    entity: event.data.entity,
    occurredAt: event.data.occurredAt,
    recordedAt: event.data.recordedAt,
    source: 'shop',
    description: event.data.description,
    before: event.data.before
  })
  t.match(row, { id: uuid(2), position: 200n, revision: 0n, stream: 'acme.order-2' })
})

t.test('an event without anything sealed has an empty head', async (t) => {
  const { read } = await given(t, entries).events([decodedEvent(1), decodedEvent(2)]).ready()
  const row = await read(async (tx) => await findEvent(tx, uuid(2)))
  t.match(row, { head: '{}', sealed: null })
  t.equal(await read(async (tx) => await findEvent(tx, uuid(3))), undefined)
  t.equal(await read(async (tx) => await findEvent(tx, uuid(2)), 'other'), undefined)
})

t.test('odd texts do not break a batch', async (t) => {
  const odd = 'a\u0000b"\\{},null\u001f\n'
  const rows = await given(t, entries).events([decodedEvent(1, {
    data: { entity: { type: 'order', id: odd }, source: odd, tags: [odd] }
  })]).rows('select entity_key, source, (select tag from read.entry_tag) as tag from read.entry')
  const kept = odd.replace('\u0000', '\uFFFD')
  t.strictSame(rows, [{ entity_key: kept, source: kept, tag: kept }])
})

t.test('the later of two events with one id is parked, in one batch or in two', async (t) => {
  const again = (n: number) => decodedEvent(n, { id: uuid(1) })
  const { read, parked } = await given(t, entries)
    .events([decodedEvent(1), again(2), decodedEvent(3)])
    .events([again(4), decodedEvent(5, { id: uuid(1), data: { tenant: 'other' } })])
    .ready()
  t.strictSame(parked.map(({ event, code }) => [event.position, code]),
    [[200n, 'DUPLICATE_ID'], [400n, 'DUPLICATE_ID']])
  const positions = async (tenant: string) => await read(async (tx) =>
    (await tx.query('select position from read.entry order by 1')).rows, tenant)
  t.strictSame(await positions('acme'), [{ position: 100n }, { position: 300n }])
  t.strictSame(await positions('other'), [{ position: 500n }], 'ids belong to a tenant')
})

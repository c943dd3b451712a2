import t from 'tap'

import { entries } from '../../../projections/entries/projection.ts'
import { entityTrails } from '../../../projections/entity-trails/projection.ts'
import {
  countTrail, listTrail, trailUntil, type Until
} from '../../../projections/entity-trails/queries.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

const order = { type: 'order', id: '1' }
const asked = { type: 'order', key: '1' }

t.test('a trail has what happened to an entity and what names it, once', async (t) => {
  const rows = await given(t, entityTrails).events([
    decodedEvent(1, { data: { entity: order, related: [order, { type: 'invoice', id: '1' }] } }),
    decodedEvent(2, { data: { entity: { type: 'user', ref: uuid(9) }, related: [order] } }),
    decodedEvent(3, { data: { entity: { type: 'nameless' } } })
  ]).rows(`select entity_type, entity_key, position, role from read.entity_trail
    order by position, entity_type`)
  t.strictSame(rows, [
    { entity_type: 'invoice', entity_key: '1', position: 100n, role: 'related' },
    { entity_type: 'order', entity_key: '1', position: 100n, role: 'entity' },
    { entity_type: 'order', entity_key: '1', position: 200n, role: 'related' },
    { entity_type: 'user', entity_key: uuid(9), position: 200n, role: 'entity' }
  ])
})

t.test('a trail is listed newest first and folded oldest first, up to a moment', async (t) => {
  const own = Array.from({ length: 1_203 }, (_, i) => decodedEvent(i + 1, {
    stream: 'acme.order-1', revision: BigInt(i), data: { entity: order }
  }))
  const other = decodedEvent(2_000, { data: { related: [order], entity: { type: 'x', id: 'y' } } })
  const { read } = await given(t, entries, entityTrails).events([...own, other]).ready()
  const listed = await read(async (tx) => await listTrail(tx, asked, {}, { limit: 3 }))
  t.strictSame(listed.map(({ position }) => position), [200_000n, 120_300n, 120_200n])
  t.equal(await read(async (tx) => await countTrail(tx, asked, {}, 10_001)), 1_204)
  t.equal(await read(async (tx) => await countTrail(tx, asked, { entityType: 'x' }, 10_001)), 1)

  const revisions = async (until: Until) => await read(async (tx) => {
    const found: bigint[] = []
    for await (const { revision } of trailUntil(tx, asked, until)) found.push(revision)
    return found
  })
  const all = await revisions({})
  t.strictSame(all, own.map(({ revision }) => revision), 'in order, over page borders')
  t.equal((await revisions({ revision: 499n })).length, 500)
  t.equal((await revisions({ position: 50_000n })).length, 500)
  t.equal((await revisions({ position: 50_099n })).length, 500)
  t.equal((await revisions({ occurredAt: own[699]?.data.occurredAt })).length, 700)
  t.equal((await revisions({ recordedAt: own[699]?.data.recordedAt })).length, 700)
  t.strictSame(await revisions({ position: 99n }), [], 'before the first one there is nothing')
})

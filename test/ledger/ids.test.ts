import t from 'tap'

import { idFromKey, idFromOrigin, mintId } from '../../src/ledger/ids.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

t.test('minted ids are version 7, unlike each other, and ascend', async () => {
  const ids = Array.from({ length: 1_000 }, () => mintId())
  t.equal(new Set(ids).size, ids.length)
  t.same([...ids].sort(), ids)
  for (const id of ids) {
    t.match(id, UUID)
    t.match(id, /^.{14}7.{4}[89ab]/)
  }
})

t.test('an Idempotency-Key gives the same version 8 id each time', async () => {
  const id = idFromKey('order-1', 0, { tenant: 'acme', source: 'shop' })
  t.match(id, UUID)
  t.match(id, /^.{14}8.{4}[89ab]/)
  t.equal(idFromKey('order-1', 0, { tenant: 'acme', source: 'shop' }), id)
})

t.test('key, index, tenant and source each make another id, wherever words end', async () => {
  const ids = [
    idFromKey('k', 0, { tenant: 'a', source: 'b' }),
    idFromKey('k', 1, { tenant: 'a', source: 'b' }),
    idFromKey('k1', 0, { tenant: 'a', source: 'b' }),
    idFromKey('k', 0, { tenant: 'ab', source: 'b' }),
    idFromKey('k', 0, { tenant: 'a', source: 'bk' }),
    idFromKey('k', 0, { tenant: 'b', source: 'a' }),
    idFromKey('', 0, { tenant: 'a', source: 'bk' })
  ]
  t.equal(new Set(ids).size, ids.length)
})

t.test('a producer\'s own UUID is the id; anything else makes one with its source', async () => {
  const owner = { tenant: 'a', source: 'b' }
  const uuid = mintId()
  t.equal(idFromOrigin({ source: '/s', id: uuid }, owner), uuid)
  const ids = [
    idFromOrigin({ source: '/s', id: 'A-1' }, owner),
    idFromOrigin({ source: '/s', id: uuid.toUpperCase() }, owner),
    idFromOrigin({ source: '/sA', id: '-1' }, owner),
    idFromOrigin({ source: '/s', id: 'A-1' }, { ...owner, source: 'c' }),
    idFromOrigin({ source: '/s', id: 'A-1' }, { ...owner, tenant: 'c' }),
    idFromKey('A-1', 0, owner)
  ]
  t.equal(new Set(ids).size, ids.length)
  for (const id of ids) t.match(id, /^.{14}8.{4}[89ab]/)
  t.equal(idFromOrigin({ source: '/s', id: 'A-1' }, owner), ids[0])
})

import fc from 'fast-check'
import t from 'tap'

import { contradiction } from '../../../projections/merkle/contradiction.ts'
import { merkle } from '../../../projections/merkle/projection.ts'
import {
  headOfSize, keyChanges, lastHead, leavesOfEvents, leavesOfStream, listHeads, nodeReader,
  readLeaves, readTiles, rootAt
} from '../../../projections/merkle/queries.ts'
import { entries } from '../../../projections/entries/projection.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'
import { inTransaction } from '../../../src/postgres/transaction.ts'
import { formatCheckpoint } from '../../../src/proof/checkpoint.ts'
import { planInclusion, proofFrom, verifyInclusion } from '../../../src/proof/merkle-proof.ts'
import { treeRoot } from '../../../src/proof/merkle.ts'
import { tilesOfTree } from '../../../src/proof/tiles.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

const MANY = 70_000
const CHUNK = 10_000

/** An unsigned line is enough: nobody here checks signatures. */
function checkpoint (n: number, size: number, root: Buffer, keys = ['a2V5']): DecodedEvent {
  const text = formatCheckpoint({ origin: 'test/acme', size: BigInt(size), root, extensions: [] })
  return decodedEvent(n, {
    action: 'ledger.checkpoint',
    stream: 'acme.ledger_checkpoint-tree',
    data: {
      entity: { type: 'ledger_checkpoint', id: 'tree' },
      data: {
        checkpoint: `${text}\n\u2014 test/acme AAAAAAAA\n`,
        keys,
        through: { commit: '1', prepare: '1' }
      }
    }
  })
}

function chunks (events: readonly DecodedEvent[], sizes: readonly number[]): DecodedEvent[][] {
  const batches: DecodedEvent[][] = []
  for (let at = 0, i = 0; at < events.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    batches.push(events.slice(at, at + size))
    at += size
  }
  return batches
}

const hashes = (events: readonly DecodedEvent[]): Buffer[] => events.map((one) => one.leafHash)
const range = (from: number, to: number): DecodedEvent[] =>
  Array.from({ length: to - from }, (_, at) => decodedEvent(from + at))

t.test('a tree is the same however events are batched, and each tenant has its own', async (t) => {
  const events = range(1, 700).map((event, at) => at % 3 === 0
    ? decodedEvent(at + 1, { data: { tenant: 'other' } })
    : event)
  const acme = events.filter(({ data }) => data.tenant === 'acme')
  const sql = `select * from read.merkle_tree join (
      select count(*) as leaves, md5(string_agg(l::text, '' order by index)) from read.merkle_leaf l
    ) l on true join (
      select count(*) as nodes, md5(string_agg(n::text, '' order by index)) from read.merkle_node n
    ) n on true`
  const seen = new Set<string>()
  await fc.assert(fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
      const built = given(t, merkle)
      for (const batch of chunks(events, sizes)) built.events(batch)
      const { read } = await built.ready()
      const rows = await read(async (tx) => (await tx.query(sql)).rows)
      t.match(rows, [{ tenant: 'acme', size: BigInt(acme.length), nodes: 1n }])
      seen.add(JSON.stringify(rows, (_, value) => typeof value === 'bigint' ? `${value}` : value))
      const root = await read(async (tx) => {
        await tx.query("select set_config('search_path', 'read', true)")
        return await rootAt(tx, BigInt(acme.length))
      })
      t.strictSame(root, treeRoot(hashes(acme)))
    }), { numRuns: 6 })
  t.equal(seen.size, 1)
})

t.test('tiles, roots and proofs of a large tree are those of RFC 9162', async (t) => {
  const events = range(0, MANY)
  const built = given(t, merkle)
  for (const batch of chunks(events, [CHUNK, CHUNK - 1])) built.events(batch)
  const { database } = await built.ready()
  const api = database.pool('ledger_api')
  await inTransaction(api, async (tx) => {
    await tx.query("select set_config('ledger.tenant', 'acme', true), " +
      "set_config('search_path', 'read', true)")
    for (const size of [0, 1, 255, 256, 257, 65_536, 65_537, MANY]) {
      t.strictSame(await rootAt(tx, BigInt(size)), treeRoot(hashes(events.slice(0, size))))
    }
    t.equal(await rootAt(tx, BigInt(MANY + 1)), undefined, 'one past the size')
    const root = treeRoot(hashes(events))
    for (const index of [0, 1, 255, 256, 65_535, 65_536, MANY - 1]) {
      const plan = planInclusion(BigInt(index), BigInt(MANY))
      const proof = proofFrom(plan, await nodeReader(tx, plan.flat(), BigInt(MANY)))
      const leafHash = events[index]?.leafHash ?? Buffer.alloc(0)
      const claim = { index: BigInt(index), size: BigInt(MANY), leafHash, root }
      t.ok(verifyInclusion(claim, proof), `leaf ${index}`)
    }
    const tiles = [...tilesOfTree(BigInt(MANY))]
    const read = await readTiles(tx, tiles)
    t.strictSame(read.map((hashes) => hashes?.length), tiles.map(({ width }) => width * 32))
    t.strictSame((await readLeaves(tx, 5n, 7n)).map(({ position }) => position), [500n, 600n])
    t.strictSame(await readTiles(tx, [{ level: 0, index: 999n, width: 3 }]), [undefined])
  })
})

t.test('the leaf of an event is found by its id and by its stream', async (t) => {
  const events = range(1, 600).map((event, at) => at % 100 === 7
    ? { ...event, stream: 'acme.order-x', revision: BigInt((at - 7) / 100) }
    : event)
  const built = given(t, entries, merkle)
  for (const batch of chunks(events, [97])) built.events(batch)
  const { database } = await built.ready()
  await inTransaction(database.pool('ledger_api'), async (tx) => {
    await tx.query("select set_config('ledger.tenant', 'acme', true), " +
      "set_config('search_path', 'read', true)")
    for (const n of [1, 256, 257, 512, 513, 599]) {
      const [leaf] = await leavesOfEvents(tx, [uuid(n)])
      t.match(leaf, { index: BigInt(n - 1), position: BigInt(n) * 100n, id: uuid(n) })
      t.strictSame(leaf?.hash, events[n - 1]?.leafHash)
    }
    t.strictSame(await leavesOfEvents(tx, [uuid(600)]), [])
    const leaves = await leavesOfStream(tx, 'acme.order-x', { from: 2n, limit: 3 })
    t.strictSame(leaves.map(({ revision, index }) => [revision, index]),
      [[2n, 207n], [3n, 307n], [4n, 407n]])
  })
})

t.test('checkpoints are kept and are no leaves; what is none is parked', async (t) => {
  const first = range(1, 4)
  const root = treeRoot(hashes(first))
  const odd = checkpoint(7, 3, root)
  odd.data.data = { checkpoint: 'x', keys: ['k'], through: { commit: '1', prepare: '1' } }
  const elsewhere = checkpoint(8, 3, root)
  elsewhere.data.entity = { type: 'order', id: 'x' }
  const { read, parked, worker } = await given(t, merkle).events([
    ...first, checkpoint(4, 3, root), checkpoint(5, 3, root, ['bmV3', 'a2V5']), decodedEvent(6),
    odd, elsewhere,
    checkpoint(9, 3, root, ['bmV3'])
  ]).ready()
  t.strictSame(parked.map(({ event, code }) => [event.position, code]),
    [[700n, 'MALFORMED_CHECKPOINT'], [800n, 'MALFORMED_CHECKPOINT']])
  await read(async (tx) => {
    await tx.query("select set_config('search_path', 'read', true)")
    t.strictSame((await tx.query('select size from merkle_tree')).rows, [{ size: 4n }])
    t.match(await lastHead(tx), { size: 3n, root, position: 900n, keys: ['bmV3'] })
    t.match(await headOfSize(tx, 3n), { position: 900n })
    t.equal(await headOfSize(tx, 4n), undefined)
    t.strictSame((await listHeads(tx, { before: 900n, limit: 1 })).map((head) => head.position),
      [500n])
    t.strictSame((await keyChanges(tx)).map((head) => [head.position, head.keys.length]),
      [[400n, 1], [500n, 2], [900n, 1]])
  })
  await read(async (tx) => { t.strictSame(await listHeads(tx, { limit: 9 }), []) }, 'other')
    .catch((err: unknown) => { t.match(err, { code: '42P01' }, 'no search path, no tables') })
  t.equal(await contradictionOf(worker), undefined)
})

async function contradictionOf (pool: Parameters<typeof inTransaction>[0]) {
  return await inTransaction(pool, async (tx) => {
    await tx.query("select set_config('search_path', 'merkle_v1_g1', true)")
    return await contradiction(tx)
  })
}

t.test('rows that are not those of the last checkpoint are a contradiction', async (t) => {
  const first = range(1, 4)
  const other = treeRoot(hashes(range(2, 5)))
  const { worker } = await given(t, merkle).events([...first, checkpoint(4, 3, other)]).ready()
  t.match(await contradictionOf(worker), /first 3 leaves of acme are not those/)
  const more = await given(t, merkle).events([...first, checkpoint(4, 9, other)]).ready()
  t.match(await contradictionOf(more.worker), /fewer than the 9 leaves/)
})

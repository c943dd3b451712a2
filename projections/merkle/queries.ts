import { foldRight, frontierNodes, EMPTY_ROOT, type NodeId } from '../../src/proof/merkle.ts'
import {
  readFromTiles, tilesOfNodes, type Tile
} from '../../src/proof/tiles.ts'
import type { NodeReader } from '../../src/proof/merkle-proof.ts'
import type { Tx } from '../projection.ts'

/** These queries name no schema and take the tenant from the transaction: the worker asks too. */
const TENANT = "current_setting('ledger.tenant')"

/** A leaf, and where its event is. */
export interface Leaf {
  index: bigint
  position: bigint
  hash: Buffer
}

/** The leaf of an event that reads show. */
export interface EventLeaf extends Leaf {
  id: string
  stream: string
  revision: bigint
}

/** The same, with its place in `$all`. */
export interface PlacedLeaf extends EventLeaf {
  prepare: bigint
}

/** A signed checkpoint as the log holds it. */
export interface SignedHead {
  size: bigint
  root: Buffer
  /** Position of the event that carries it. */
  position: bigint
  recordedAt: string
  /** C2SP tlog-checkpoint: the signed note. */
  note: string
  /** Public keys of its signatures, base64, the newest first. */
  keys: readonly string[]
  /** Position of the event that carries the witnesses' signatures, if the note has any. */
  cosignedAt?: bigint
}

/** One row a tile, nothing in it for one that is not there. */
const TILES = {
  name: 'merkle_tiles',
  text: `
    select t.level, t.index, case when t.level = 0 then (
        select string_agg(l.hash, ''::bytea order by l.index) from merkle_leaf l
        where l.tenant = ${TENANT} and l.index >= t.index * 256
          and l.index < t.index * 256 + t.width)
      else (
        select string_agg(n.hash, ''::bytea order by n.index) from merkle_node n
        where n.tenant = ${TENANT} and n.level = t.level and n.index >= t.index * 256
          and n.index < t.index * 256 + t.width)
      end as hashes
    from unnest($1::smallint[], $2::bigint[], $3::integer[]) as t (level, index, width)`
}

/**
 * The leaf at a position: in the tile after the last one that ended before it. `offset` and
 * `limit` keep the planner from joining the whole table.
 */
const LEAF_AT = (position: string): string => `
  cross join lateral (
    select coalesce((
      select (n.index + 1) * 256 from merkle_node n
      where n.tenant = ${TENANT} and n.level = 1 and n.position < ${position}
      order by n.position desc limit 1), 0) as index offset 0) first
  cross join lateral (
    select l.index, l.position, l.hash from merkle_leaf l
    where l.tenant = ${TENANT} and l.index >= first.index and l.index < first.index + 256
      and l.position = ${position}
    order by l.index limit 1) leaf`

/** Where events are, those included whose rows retention removed: their leaves stay. */
function placesWhere (condition: string): string {
  const columns = 'id, stream, revision, position'
  return ['entry', 'removed_entry']
    .map((table) => `(select ${columns} from ${table} where tenant = ${TENANT} and ${condition})`)
    .join(' union all ')
}

const LEAVES_OF_IDS = {
  name: 'merkle_leaves_of_ids',
  text: `
    select e.id, e.stream, e.revision, leaf.index, leaf.position, leaf.hash
    from (${placesWhere('id = any($1::uuid[])')}) e ${LEAF_AT('e.position')}`
}

const LEAVES_AT = {
  name: 'merkle_leaves_at',
  text: `
    select e.id, e.stream, e.revision, e.prepare, leaf.index, leaf.position, leaf.hash
    from unnest($1::bigint[]) as asked (position)
    join entry e on e.tenant = ${TENANT} and e.position = asked.position
    ${LEAF_AT('e.position')}
    order by leaf.index`
}

const LEAVES_OF_STREAM = {
  name: 'merkle_leaves_of_stream',
  text: `
    select e.id, e.stream, e.revision, leaf.index, leaf.position, leaf.hash
    from (
      ${placesWhere('stream = $1 and revision >= $2 order by revision limit $3')}
      order by revision limit $3) e ${LEAF_AT('e.position')}
    order by e.revision`
}

const LEAVES = {
  name: 'merkle_leaves',
  text: `
    select l.index, l.position, l.hash from merkle_leaf l
    where l.tenant = ${TENANT} and l.index >= $1 and l.index < $2 order by l.index`
}

const LEAVES_FROM = {
  name: 'merkle_leaves_from',
  text: `
    select l.index, l.position, l.hash from merkle_leaf l
    where l.tenant = ${TENANT} and l.index >= $1 order by l.index limit $2`
}

/** The last revision of a stream whose leaf is below an index. */
const SEALED_REVISION = {
  name: 'merkle_sealed_revision',
  text: `
    select e.revision from (${placesWhere(`stream = $1 and position <= (
      select l.position from merkle_leaf l where l.tenant = ${TENANT} and l.index = $2::bigint - 1)
    order by revision desc limit 1`)}) e
    order by e.revision desc limit 1`
}

const HEAD_COLUMNS = `size, root, position, note, keys,
  to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "recordedAt"`

const HEADS = {
  name: 'merkle_heads',
  text: `
    select ${HEAD_COLUMNS} from merkle_checkpoint
    where tenant = ${TENANT} and position < $1 order by position desc limit $2`
}

const ROOTS = {
  name: 'merkle_roots',
  text: `
    select distinct size, root from merkle_checkpoint
    where tenant = ${TENANT} and size > $1 and size <= $2`
}

const HEAD_OF_SIZE = {
  name: 'merkle_head_of_size',
  text: `
    select ${HEAD_COLUMNS} from merkle_checkpoint
    where tenant = ${TENANT} and size = $1 and position <= $2 order by position desc limit 1`
}

/** The first checkpoint that each set of keys signed: a few, found without reading the others. */
const KEY_CHANGES = {
  name: 'merkle_key_changes',
  text: `
    with recursive change as (
      (select keys, position from merkle_checkpoint
        where tenant = ${TENANT} order by keys, position limit 1)
      union all
      select next.* from change cross join lateral (
        select c.keys, c.position from merkle_checkpoint c
        where c.tenant = ${TENANT} and c.keys > change.keys
        order by c.keys, c.position limit 1) next)
    select ${HEAD_COLUMNS} from merkle_checkpoint
    where tenant = ${TENANT} and position in (select position from change)
    order by position`
}

const POSITION_MAX = 2n ** 63n - 1n

/** The hashes of tiles, concatenated; undefined where there is nothing. */
export async function readTiles (
  tx: Tx, tiles: readonly Tile[]
): Promise<Array<Buffer | undefined>> {
  const { rows } = await tx.query<{ level: number, index: bigint, hashes: Buffer | null }>(
    TILES, [tiles.map(({ level }) => level), tiles.map(({ index }) => index),
      tiles.map(({ width }) => width)])
  const found = new Map(rows.map(({ level, index, hashes }) => [`${level}/${index}`, hashes]))
  return tiles.map(({ level, index }) => found.get(`${level}/${index}`) ?? undefined)
}

/** Reads what these nodes of a tree of that size consist of. The reader throws RangeError. */
export async function nodeReader (
  tx: Tx, nodes: readonly NodeId[], size: bigint
): Promise<NodeReader> {
  const tiles = tilesOfNodes(nodes, size)
  const read = tiles.length === 0 ? [] : await readTiles(tx, tiles)
  const hashes = new Map(tiles.map(({ level, index }, at) => [`${level}/${index}`, read[at]]))
  return readFromTiles((level, index) => hashes.get(`${level}/${index}`))
}

/** The hashes of the frontier of the tree of that size; undefined if it is not so large. */
export async function frontierAt (tx: Tx, size: bigint): Promise<Buffer[] | undefined> {
  const nodes = frontierNodes(size)
  const read = await nodeReader(tx, nodes, size)
  try {
    return nodes.map(read)
  } catch (err) {
    if (!(err instanceof RangeError)) throw err
    return undefined
  }
}

/** The root of the tree of that size, RFC 9162 section 2.1.1; undefined if it is not so large. */
export async function rootAt (tx: Tx, size: bigint): Promise<Buffer | undefined> {
  const hashes = await frontierAt(tx, size)
  return hashes && (foldRight(hashes) ?? EMPTY_ROOT)
}

/** The leaves [from, to) that there are, in order. */
export async function readLeaves (tx: Tx, from: bigint, to: bigint): Promise<Leaf[]> {
  const { rows } = await tx.query<Leaf>(LEAVES, [from, to])
  return rows
}

/** The first leaves from that index on, wherever there are any. */
export async function leavesFrom (tx: Tx, from: bigint, limit: number): Promise<Leaf[]> {
  const { rows } = await tx.query<Leaf>(LEAVES_FROM, [from, limit])
  return rows
}

/** The roots that were signed for trees of more than `above` and at most `to` leaves, by size. */
export async function signedRoots (
  tx: Tx, above: bigint, to: bigint
): Promise<Map<bigint, Buffer[]>> {
  const { rows } = await tx.query<{ size: bigint, root: Buffer }>(ROOTS, [above, to])
  const roots = new Map<bigint, Buffer[]>()
  for (const { size, root } of rows) roots.set(size, [...roots.get(size) ?? [], root])
  return roots
}

/** The leaves of those of the events that reads show, in no order. */
export async function leavesOfEvents (tx: Tx, ids: readonly string[]): Promise<EventLeaf[]> {
  const { rows } = await tx.query<EventLeaf>(LEAVES_OF_IDS, [ids])
  return rows
}

/** The leaves of the events at these positions that reads show, in order. */
export async function leavesAt (tx: Tx, positions: readonly bigint[]): Promise<PlacedLeaf[]> {
  const { rows } = await tx.query<PlacedLeaf>(LEAVES_AT, [positions])
  return rows
}

/** The leaves of a stream's events from a revision on, at most `limit`, in order. */
export async function leavesOfStream (
  tx: Tx, stream: string, { from, limit }: { from: bigint, limit: number }
): Promise<EventLeaf[]> {
  const { rows } = await tx.query<EventLeaf>(LEAVES_OF_STREAM, [stream, from, limit])
  return rows
}

/** How many revisions of a stream are in the tree of that size. */
export async function sealedRevisions (tx: Tx, stream: string, size: bigint): Promise<bigint> {
  const { rows: [row] } = await tx.query<{ revision: bigint }>(SEALED_REVISION, [stream, size])
  return row === undefined ? 0n : row.revision + 1n
}

/** Signed checkpoints before a position, newest first. */
export async function listHeads (
  tx: Tx, { before = POSITION_MAX, limit }: { before?: bigint | undefined, limit: number }
): Promise<SignedHead[]> {
  const { rows } = await tx.query<HeadRow>(HEADS, [before, limit])
  return rows.map(headOf)
}

/** The last signed checkpoint, undefined before the first. */
export async function lastHead (tx: Tx): Promise<SignedHead | undefined> {
  const [head] = await listHeads(tx, { limit: 1 })
  return head
}

/** The last checkpoint of a tree of that size, up to a position. */
export async function headOfSize (
  tx: Tx, size: bigint, upTo = POSITION_MAX
): Promise<SignedHead | undefined> {
  const { rows } = await tx.query<HeadRow>(HEAD_OF_SIZE, [size, upTo])
  return rows.map(headOf)[0]
}

/** The first checkpoint of each set of keys, oldest first. */
export async function keyChanges (tx: Tx): Promise<SignedHead[]> {
  const { rows } = await tx.query<HeadRow>(KEY_CHANGES)
  return rows.map(headOf)
}

interface HeadRow extends Omit<SignedHead, 'keys' | 'cosignedAt'> {
  keys: string
}

function headOf (row: HeadRow): SignedHead {
  return { ...row, keys: row.keys.split(' ') }
}

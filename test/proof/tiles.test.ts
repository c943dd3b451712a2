import fc from 'fast-check'
import t from 'tap'
import { FormatError } from '../../src/proof/format.ts'
import { leafHash } from '../../src/proof/leaf.ts'
import { frontierNodes } from '../../src/proof/merkle.ts'
import {
  planConsistency, planInclusion, planRange, proofFrom, verifyInclusion
} from '../../src/proof/merkle-proof.ts'
import {
  decodeEntries, encodeEntries, entriesPath, LEAF_BYTES_MAX, parseTilePath, placeOfNode,
  readFromTiles, splitHashes, tilePath, tilesOfNodes, tilesOfTree, tileWidth, type Tile
} from '../../src/proof/tiles.ts'
import { treeOf } from './tree.ts'

/** C2SP tlog-tiles: 1234067 is x001/x234/067. */
const PATHS: Array<[Tile, string]> = [
  [{ level: 0, index: 1_234_067n, width: 256 }, 'tile/0/x001/x234/067'],
  [{ level: 0, index: 0n, width: 256 }, 'tile/0/000'],
  [{ level: 1, index: 999n, width: 112 }, 'tile/1/999.p/112'],
  [{ level: 63, index: 1000n, width: 1 }, 'tile/63/x001/000.p/1'],
  [{ level: 2, index: 1_000_000n, width: 255 }, 'tile/2/x001/x000/000.p/255']
]

t.test('tiles have the paths of C2SP tlog-tiles', async (t) => {
  for (const [tile, path] of PATHS) {
    t.equal(tilePath(tile), path)
    t.strictSame(parseTilePath(path), tile)
  }
  t.equal(entriesPath({ index: 1_234_067n, width: 7 }), 'tile/entries/x001/x234/067.p/7')
  t.strictSame(parseTilePath('tile/entries/x001/x234/067.p/7'),
    { level: 'entries', index: 1_234_067n, width: 7 })
  for (const path of [
    '', 'tile', 'tile/0', 'tile/00/000', 'tile/64/000', 'tile/-1/000', 'tile/0/0', 'tile/0/00',
    'tile/0/0000', 'tile/0/x000/000', 'tile/0/x000/x001/000', 'tile/0/001/000', 'tile/0/x001/x000',
    'tile/0/000.p/0', 'tile/0/000.p/256', 'tile/0/000.p/007', 'tile/0/000.p/', 'tile/0/000/',
    '/tile/0/000', 'tile/0/000\n', 'tile/data/000', `tile/0/${'x001/'.repeat(7)}000`
  ]) t.equal(parseTilePath(path), undefined, JSON.stringify(path))
  fc.assert(fc.property(
    fc.nat(63), fc.bigInt({ min: 0n, max: 2n ** 60n }), fc.integer({ min: 1, max: 256 }),
    (level, index, width) => {
      t.strictSame(parseTilePath(tilePath({ level, index, width })), { level, index, width })
    }))
})

t.test('the tree of 70,000 leaves has the tiles that C2SP tlog-tiles counts', async (t) => {
  const tiles = [...tilesOfTree(70_000n)]
  const count = (level: number, full: boolean) => tiles
    .filter((tile) => tile.level === level && (tile.width === 256) === full).length
  t.strictSame([count(0, true), count(0, false), count(1, true), count(1, false)], [273, 1, 1, 1])
  t.strictSame(tiles.filter(({ width }) => width < 256).map(({ width }) => width), [112, 17, 1])
  t.strictSame([...tilesOfTree(256n)], [
    { level: 0, index: 0n, width: 256 }, { level: 1, index: 0n, width: 1 }
  ])
  t.strictSame([...tilesOfTree(0n)], [])
  t.equal(tileWidth(0, 274n, 70_000n), 0)
})

t.test('every proof can be made from tiles, and only from those that are planned', async (t) => {
  const tree = treeOf(70_000)
  const size = 70_000n
  const stored = new Map([...tilesOfTree(size)].map(({ level, index, width }) =>
    [`${level}/${index}`, Buffer.concat(Array.from({ length: width }, (_, at) =>
      tree.read({ level: level * 8, index: index * 256n + BigInt(at) })))]))
  const cases = [0n, 255n, 256n, 65_535n, 65_536n, 69_999n].flatMap((at) => [
    planInclusion(at, size), planConsistency(at, size), planRange({ from: at, to: at + 1n, size })
  ])
  for (const plan of [...cases, [frontierNodes(size)]]) {
    const fetched = new Map(tilesOfNodes(plan.flat(), size).map(({ level, index, width }) => {
      const tile = stored.get(`${level}/${index}`)
      t.equal(tile?.length, width * 32)
      return [`${level}/${index}`, tile]
    }))
    const read = readFromTiles((level, index) => fetched.get(`${level}/${index}`))
    t.strictSame(proofFrom(plan, read), proofFrom(plan, tree.read))
  }
  const read = readFromTiles((level, index) => stored.get(`${level}/${index}`))
  const proof = proofFrom(planInclusion(69_999n, size), read)
  t.ok(verifyInclusion(tree.claim(69_999n, size), proof))
  t.throws(() => readFromTiles(() => undefined)({ level: 0, index: 0n }), RangeError)
  t.throws(() => read({ level: 0, index: size }), RangeError, 'beyond a partial tile')
})

t.test('a node lies in one tile', async (t) => {
  t.strictSame(placeOfNode({ level: 0, index: 257n }), { level: 0, index: 1n, start: 1, end: 2 })
  t.strictSame(placeOfNode({ level: 7, index: 3n }), { level: 0, index: 1n, start: 128, end: 256 })
  t.strictSame(placeOfNode({ level: 8, index: 3n }), { level: 1, index: 0n, start: 3, end: 4 })
  t.throws(() => splitHashes(Buffer.alloc(33)), FormatError)
})

t.test('entry bundles hold leaf data behind its length', async (t) => {
  const longest = 'x'.repeat(LEAF_BYTES_MAX)
  const leaves = ['', 'a', '\u20ac', longest]
  const bundle = encodeEntries(leaves)
  t.equal(bundle.subarray(0, 10).toString('hex'), '00000001610003e282ac')
  t.strictSame(decodeEntries(bundle).map(String), leaves)
  t.strictSame(decodeEntries(bundle).map((entry) => leafHash(entry.toString())),
    leaves.map(leafHash))
  t.strictSame(decodeEntries(Buffer.alloc(0)), [])
  t.throws(() => encodeEntries([`${longest}x`]), RangeError)
  for (const cut of [1, 2, 3, 4, 6, 9]) {
    const bytes = encodeEntries(['abc', 'def']).subarray(0, -cut)
    t.throws(() => decodeEntries(bytes), FormatError, `${cut} bytes missing`)
  }
})

import { FormatError, HASH_BYTES } from './format.ts'
import { treeRoot, type NodeId } from './merkle.ts'
import type { NodeReader } from './merkle-proof.ts'

/** Levels of the tree in a tile, and hashes in a full one. C2SP tlog-tiles, "Merkle Tree". */
export const TILE_HEIGHT = 8
export const TILE_WIDTH = 256

/** The longest leaf data that an entry bundle can hold: its length is a uint16. */
export const LEAF_BYTES_MAX = 65_535

/** Tile `index` of a tile level: `width` hashes, 256 if it is full. */
export interface Tile {
  level: number
  index: bigint
  width: number
}

const LEVEL_MAX = 63
const PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,6}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/** Where a tile is served, below the log's prefix: C2SP tlog-tiles, "Merkle Tree". */
export function tilePath ({ level, index, width }: Tile): string {
  return `tile/${level}/${indexPath(index, width)}`
}

/** Where an entry bundle is served: C2SP tlog-tiles, "Log entries". */
export function entriesPath ({ index, width }: Omit<Tile, 'level'>): string {
  return `tile/entries/${indexPath(index, width)}`
}

/**
 * The tile of a path by tilePath or entriesPath (then its level is 'entries'); undefined for any
 * other spelling.
 */
export function parseTilePath (
  path: string
): { level: number | 'entries', index: bigint, width: number } | undefined {
  const [, levelText, indexText, widthText] = PATH.exec(path) ?? []
  if (levelText === undefined || indexText === undefined) return undefined
  const index = BigInt(indexText.replace(/[x/]/g, ''))
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText)
  const level = levelText === 'entries' ? levelText : Number(levelText)
  if (level !== 'entries' && level > LEVEL_MAX) return undefined
  if (widthText !== undefined && width >= TILE_WIDTH) return undefined
  // Of two spellings of one tile, 000 and x000/000, only the first is a path.
  return path === `tile/${levelText}/${indexPath(index, width)}`
    ? { level, index, width }
    : undefined
}

/** How many hashes a tile has in a tree of that size, 0 to 256: tlog-tiles, "Partial Tiles". */
export function tileWidth (level: number, index: bigint, size: bigint): number {
  const hashes = (size >> BigInt(level * TILE_HEIGHT)) - index * BigInt(TILE_WIDTH)
  if (hashes <= 0n) return 0
  return hashes >= BigInt(TILE_WIDTH) ? TILE_WIDTH : Number(hashes)
}

/** All tiles of a tree of that size, level by level, left to right, the partial ones included. */
export function * tilesOfTree (size: bigint): Generator<Tile> {
  for (let level = 0; size >> BigInt(level * TILE_HEIGHT) > 0n; level++) {
    for (let index = 0n, width; (width = tileWidth(level, index, size)) > 0; index++) {
      yield { level, index, width }
    }
  }
}

/** Where a node is found: hashes [start, end) of a tile; over more than one it is their root. */
export interface NodePlace {
  level: number
  index: bigint
  start: number
  end: number
}

/** The tile that a node is read or computed from. */
export function placeOfNode ({ level, index }: NodeId): NodePlace {
  const above = level % TILE_HEIGHT
  const first = index << BigInt(above)
  const start = Number(first % BigInt(TILE_WIDTH))
  return {
    level: (level - above) / TILE_HEIGHT,
    index: first / BigInt(TILE_WIDTH),
    start,
    end: start + (1 << above)
  }
}

/** The tiles, each once, that nodes of a tree of that size are read from. */
export function tilesOfNodes (nodes: Iterable<NodeId>, size: bigint): Tile[] {
  const tiles = new Map<string, Tile>()
  for (const node of nodes) {
    const { level, index } = placeOfNode(node)
    tiles.set(`${level}/${index}`, { level, index, width: tileWidth(level, index, size) })
  }
  return [...tiles.values()]
}

/**
 * Reads nodes from tiles. `hashesOf` gives a tile's hashes, concatenated, at least as many as the
 * tree of the proof has in it. Throws RangeError for a tile that is missing or too short.
 */
export function readFromTiles (
  hashesOf: (level: number, index: bigint) => Buffer | undefined
): NodeReader {
  return (node) => {
    const { level, index, start, end } = placeOfNode(node)
    const hashes = hashesOf(level, index)
    if (hashes === undefined || hashes.length < end * HASH_BYTES) {
      throw new RangeError(`tile ${level}/${index} does not hold hashes ${start} to ${end}`)
    }
    return treeRoot(splitHashes(hashes.subarray(start * HASH_BYTES, end * HASH_BYTES)))
  }
}

/** The hashes that a tile consists of. Throws FormatError unless they are whole. */
export function splitHashes (tile: Buffer): Buffer[] {
  if (tile.length % HASH_BYTES !== 0) throw new FormatError(`tile: ${tile.length} bytes`)
  return Array.from({ length: tile.length / HASH_BYTES }, (_, at) =>
    tile.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES))
}

/**
 * An entry bundle: each leaf data behind its length as a big-endian uint16. C2SP tlog-tiles, "Log
 * entries". Throws RangeError for leaf data above 65,535 bytes.
 */
export function encodeEntries (leaves: Iterable<string>): Buffer {
  const parts: Buffer[] = []
  for (const leaf of leaves) {
    const bytes = Buffer.from(leaf)
    if (bytes.length > LEAF_BYTES_MAX) throw new RangeError(`leaf data: ${bytes.length} bytes`)
    const length = Buffer.alloc(2)
    length.writeUInt16BE(bytes.length)
    parts.push(length, bytes)
  }
  return Buffer.concat(parts)
}

/** The leaf data of an entry bundle, as bytes. Throws FormatError where it ends too early. */
export function decodeEntries (bundle: Buffer): Buffer[] {
  const leaves: Buffer[] = []
  let at = 0
  while (at < bundle.length) {
    const end = at + 2 <= bundle.length ? at + 2 + bundle.readUInt16BE(at) : Infinity
    if (end > bundle.length) throw new FormatError(`entry bundle: entry ${leaves.length} is cut`)
    leaves.push(bundle.subarray(at + 2, end))
    at = end
  }
  return leaves
}

function indexPath (index: bigint, width: number): string {
  const digits = index.toString()
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? []
  const path = groups.map((group, at) => at < groups.length - 1 ? `x${group}` : group).join('/')
  return width === TILE_WIDTH ? path : `${path}.p/${width}`
}

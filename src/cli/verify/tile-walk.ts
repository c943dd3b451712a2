import { isLedgerError } from '../../errors.ts'
import type { Checkpoint } from '../../proof/checkpoint.ts'
import { fault, type Finding } from '../../proof/finding.ts'
import { append, EMPTY_FRONTIER, frontierRoot, treeRoot } from '../../proof/merkle.ts'
import { splitHashes, tilePath, TILE_WIDTH, tileWidth } from '../../proof/tiles.ts'
import type { Evidence } from './evidence.ts'
import type { Remote } from './remote.ts'
import type { RowWalk } from './row-walk.ts'

/** Compares the leaf hashes that the read models have with those of the log, one by one. */
export async function walkTiles (walk: RowWalk, { size, root }: Checkpoint): Promise<void> {
  const rows: Array<Buffer | undefined> = []
  for (let index = 0n; index * BigInt(TILE_WIDTH) < size; index++) {
    rows.push(...await readTile(walk, index, tileWidth(0, index, size)))
  }
  const whole = rows.filter((row) => row !== undefined)
  const signed = whole.length === rows.length &&
    frontierRoot(append(EMPTY_FRONTIER, whole)).equals(root)
  if (!signed) {
    walk.tell([fault('tampered', `the rows of the ${size} leaves do not lead to the signed root`)])
  }
  for (const finding of differences(rows, walk.evidence, signed)) walk.tell([finding])
  await walkUpperTiles(walk, size)
}

/** Compares the tiles above the leaves with what the leaves of the log come to. */
async function walkUpperTiles ({ remote, evidence, tell }: RowWalk, size: bigint): Promise<void> {
  if (BigInt(evidence.size) < size) return
  let below = Array.from({ length: Number(size) }, (_, index) => evidence.hash(index))
  for (let level = 1; below.length >= TILE_WIDTH; level++) {
    const hashes = Array.from({ length: Math.floor(below.length / TILE_WIDTH) }, (_, at) =>
      treeRoot(below.slice(at * TILE_WIDTH, (at + 1) * TILE_WIDTH)))
    for (let index = 0; index * TILE_WIDTH < hashes.length; index++) {
      const known = hashes.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH)
      const path = tilePath({ level, index: BigInt(index), width: known.length })
      const shown = await bytesOf(remote, path)
      if (typeof shown === 'string') tell([fault('missing', `${path}: ${shown}`)])
      else if (!shown.equals(Buffer.concat(known))) {
        tell([fault('tampered', `${path} is not what the leaves of the log come to`)])
      }
    }
    below = hashes
  }
}

/** The bytes of a tile, or why there are none. */
async function bytesOf (remote: Remote, path: string): Promise<Buffer | string> {
  try {
    return await remote.bytes(`/v1/${path}`)
  } catch (err) {
    if (!isLedgerError(err)) throw err
    return err.message
  }
}

/** The hashes of a tile; a tile that is not whole is said, and compared with nothing. */
async function readTile (
  { remote, tell, onRow }: RowWalk, index: bigint, width: number
): Promise<Array<Buffer | undefined>> {
  const path = tilePath({ level: 0, index, width })
  const bytes = await bytesOf(remote, path)
  for (let at = 0; at < width; at++) onRow()
  if (typeof bytes !== 'string') return splitHashes(bytes)
  tell([fault('missing', `${path}: ${bytes}`, { index: index * BigInt(TILE_WIDTH) })])
  return new Array<undefined>(width).fill(undefined)
}

/** What is altered, missing or inserted, so that one that is missing is not all that follow. */
function * differences (
  rows: ReadonlyArray<Buffer | undefined>, evidence: Evidence, signed: boolean
): Generator<Finding> {
  const same = (row: number, leaf: number): boolean =>
    leaf < evidence.size && rows[row]?.equals(evidence.hash(leaf)) === true
  const known = signed ? 'that was signed' : 'that its row has'
  let leaf = 0
  for (let row = 0; row < rows.length; row++, leaf++) {
    if (rows[row] === undefined || same(row, leaf)) continue
    const index = BigInt(row)
    if (leaf >= evidence.size || same(row + 1, leaf)) {
      yield fault('missing', `the log has not the leaf ${row} ${known}`, { index })
      leaf--
    } else if (same(row, leaf + 1)) {
      yield fault('foreign', `the log has a leaf before leaf ${row} that has no row`, { index })
      leaf++
    } else {
      yield fault('tampered', `leaf ${row} of the log is not the one ${known}`, { index })
    }
  }
}

import { isLedgerError } from '../../errors.ts'
import { fault, type Finding } from '../../proof/finding.ts'
import { append, EMPTY_FRONTIER, frontierRoot } from '../../proof/merkle.ts'
import { splitHashes, tilePath, TILE_WIDTH, tileWidth } from '../../proof/tiles.ts'
import type { Checkpoint } from '../../proof/checkpoint.ts'
import { shownDigest, type Evidence, type ShownEvent } from './evidence.ts'
import type { Remote } from './remote.ts'

const PAGE = 200

export interface RowWalk {
  remote: Remote
  evidence: Evidence
  tell: (findings: readonly Finding[]) => void
  onRow: () => void
}

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
}

/** The hashes of a tile; a tile that is not whole is said, and compared with nothing. */
async function readTile (
  { remote, tell, onRow }: RowWalk, index: bigint, width: number
): Promise<Array<Buffer | undefined>> {
  const path = tilePath({ level: 0, index, width })
  try {
    return splitHashes(await remote.bytes(`/v1/${path}`))
  } catch (err) {
    if (!isLedgerError(err)) throw err
    tell([fault('missing', `${path}: ${err.message}`, { index: index * BigInt(TILE_WIDTH) })])
    return new Array<undefined>(width).fill(undefined)
  } finally {
    for (let at = 0; at < width; at++) onRow()
  }
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

interface Page {
  items: ShownEvent[]
  nextCursor: string | null
}

/** How many rows were compared, and how many are rightly not there. */
export interface RowCount {
  rows: number
  removed: number
}

/**
 * Compares every row that lists show, newest first, with what the log has. `laterRuns` is asked
 * to tell the evidence what retention removed meanwhile, if rows are not there that should be.
 */
export async function walkRows (
  walk: RowWalk, laterRuns: () => Promise<void>
): Promise<RowCount> {
  const { remote, evidence, tell, onRow } = walk
  const absent: number[] = []
  const last = evidence.at(evidence.size - 1)
  let next = evidence.size - 1
  let rows = 0
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const page: Page = await remote.json(`/v1/events?limit=${PAGE}${query}`)
    for (const item of page.items) {
      const position = BigInt(String(item['position']))
      if (last === undefined || position > last.position) continue
      rows++
      onRow()
      for (; (evidence.at(next)?.position ?? -1n) > position; next--) absent.push(next)
      const leaf = evidence.at(next)
      const name = `event ${String(item['id'])} at ${position}`
      if (leaf?.position !== position) {
        tell([fault('foreign', `the row of ${name} is about nothing that the log has`)])
        continue
      }
      next--
      if (evidence.isRemoved(leaf.index)) {
        tell([fault('foreign', `the row of ${name} is there, though retention removed it`,
          { index: BigInt(leaf.index) })])
      }
      if (!shownDigest(item, leaf.sealed).equals(leaf.digest)) {
        tell([fault('tampered', `the row of ${name} is not what the log has`,
          { index: BigInt(leaf.index) })])
      }
    }
    cursor = page.nextCursor
  }
  for (; next >= 0; next--) absent.push(next)
  const isKept = (index: number): boolean => !evidence.isRemoved(index)
  if (absent.some(isKept)) await laterRuns()
  const missed = absent.filter(isKept)
  for (const index of missed) missing(walk, index)
  return { rows, removed: absent.length - missed.length }
}

/** Of two events with one id the first has the row, and the other is parked. */
function missing ({ evidence, tell }: RowWalk, index: number): void {
  const leaf = evidence.at(index)
  const place = { index: BigInt(index) }
  tell([evidence.repeatsId(index)
    ? { kind: 'duplicated', severity: 'info', message: `leaf ${index} repeats an id`, ...place }
    : fault('missing', `leaf ${index}, at ${leaf?.position}, has no row`, place)])
}

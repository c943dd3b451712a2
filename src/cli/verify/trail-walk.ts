import { isLedgerError } from '../../errors.ts'
import { fault } from '../../proof/finding.ts'
import type { Remote } from './remote.ts'
import type { RowWalk } from './row-walk.ts'
import { TRAIL_EVENTS_MAX, type SampledTrail } from './trail-sample.ts'

const PAGE = 200

/** How many trails and feeds were compared. */
export interface TrailCount {
  trails: number
}

/**
 * Compares the newest events of trails and feeds with those that the log has for them. Who was
 * erased has neither any more: that is not compared, nor counted.
 */
export async function walkTrails (
  walk: RowWalk, trails: readonly SampledTrail[], laterChanges: () => Promise<void>
): Promise<TrailCount> {
  let compared = 0
  for (const trail of trails) {
    const shown = await readTrail(walk, trail)
    walk.onRow()
    if (shown === undefined) continue
    compared++
    if (differs(walk, trail, shown)) await laterChanges()
    const found = differs(walk, trail, shown)
    if (found !== undefined) walk.tell([found])
  }
  return { trails: compared }
}

interface Page {
  items: Array<{ position: string }>
  nextCursor: string | null
}

/** Positions of its newest events that were signed; undefined for one of somebody erased. */
async function readTrail (
  { remote, evidence }: RowWalk, { path }: SampledTrail
): Promise<bigint[] | undefined> {
  const last = evidence.at(evidence.size - 1)?.position ?? -1n
  const positions: bigint[] = []
  let cursor: string | null = ''
  while (cursor !== null && positions.length < TRAIL_EVENTS_MAX) {
    const page: Page | undefined = await pageOf(remote, path, cursor)
    if (page === undefined) return undefined
    positions.push(...page.items.map(({ position }) => BigInt(position))
      .filter((position) => position <= last))
    cursor = page.nextCursor
  }
  return positions.slice(0, TRAIL_EVENTS_MAX)
}

async function pageOf (remote: Remote, path: string, cursor: string): Promise<Page | undefined> {
  try {
    return await remote.json(`${path}?limit=${PAGE}${cursor === '' ? '' : `&cursor=${cursor}`}`)
  } catch (err) {
    if (isLedgerError(err, 'NOT_FOUND')) return undefined
    throw err
  }
}

function differs ({ evidence }: RowWalk, { path, leaves }: SampledTrail, shown: readonly bigint[]) {
  const known = leaves.filter((index) => evidence.isShown(index)).slice(-TRAIL_EVENTS_MAX).reverse()
    .map((index) => evidence.at(index)?.position ?? -1n)
  const at = Array.from({ length: Math.max(known.length, shown.length) }).findIndex((_, at) =>
    known[at] !== shown[at])
  if (at < 0) return undefined
  const [ours, theirs] = [known[at], shown[at]]
  return ours !== undefined && (theirs === undefined || theirs < ours)
    ? fault('missing', `${path} does not show the event at ${ours}`)
    : fault('foreign', `${path} shows the event at ${theirs}, which the log does not have for it`)
}

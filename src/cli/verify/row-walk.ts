import { fault, type Finding } from '../../proof/finding.ts'
import type { ShownEvent } from './clear.ts'
import type { Evidence } from './evidence.ts'
import type { Remote } from './remote.ts'

const PAGE = 200

export interface RowWalk {
  remote: Remote
  evidence: Evidence
  tell: (findings: readonly Finding[]) => void
  onRow: () => void
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
      const wrong = evidence.judge(leaf.index, item)
      if (wrong !== undefined) {
        tell([fault('tampered', `the row of ${name} ${wrong}`, { index: BigInt(leaf.index) })])
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
  evidence.noteMissing(index)
  const place = { index: BigInt(index) }
  tell([evidence.repeatsId(index)
    ? { kind: 'duplicated', severity: 'info', message: `leaf ${index} repeats an id`, ...place }
    : fault('missing', `leaf ${index}, at ${leaf?.position}, has no row`, place)])
}

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
 * Compares every row that lists show, newest first, with what the log has. `laterChanges` is asked
 * to tell the evidence what was removed or erased meanwhile, if rows are not as they should be.
 */
export async function walkRows (
  walk: RowWalk, laterChanges: () => Promise<void>
): Promise<RowCount> {
  const { remote, evidence, tell, onRow } = walk
  const absent: number[] = []
  const erased: Erased = new Map()
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
      const { wrong, erasures } = evidence.judge(leaf.index, item)
      for (const id of erasures) erased.set(id, leaf.index)
      if (wrong !== undefined) {
        tell([fault('tampered', `the row of ${name} ${wrong}`, { index: BigInt(leaf.index) })])
      }
    }
    cursor = page.nextCursor
  }
  for (; next >= 0; next--) absent.push(next)
  const isKept = (index: number): boolean => !evidence.isRemoved(index)
  const isOrdered = (id: string): boolean => id === '' || evidence.isOrdered(id)
  if (absent.some(isKept) || ![...erased.keys()].every(isOrdered)) await laterChanges()
  const missed = absent.filter(isKept)
  for (const index of missed) missing(walk, index)
  judgeErased(walk, erased)
  return { rows, removed: absent.length - missed.length }
}

/** Erasures that rows name, '' for none, and the last leaf whose row does. */
type Erased = Map<string, number>

/** That a row shows nobody is explained by an erasure that the log has. */
function judgeErased ({ evidence, tell }: RowWalk, erased: Erased): void {
  for (const [id, leaf] of erased) {
    const index = BigInt(leaf)
    if (id === '') {
      const message = `leaf ${index}, and perhaps others, is shown without a person whose key is ` +
        'gone, and names no erasure'
      tell([{ kind: 'shredded', severity: 'info', message, index }])
    } else if (!evidence.isOrdered(id)) {
      tell([fault('foreign', `leaf ${index} is shown erased by ${id}, which the log does not have`,
        { index })])
    }
  }
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

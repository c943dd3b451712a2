import { countChanges } from '../../../projections/exports/queries.ts'
import { listSelection, type EventRow } from '../../../projections/entries/queries.ts'
import { FRAMINGS, type ListFormat } from '../../exports/format.ts'
import { inTenant } from '../../postgres/transaction.ts'
import { presentRows } from '../present.ts'
import type { Services } from '../services.ts'
import { ContentChanged, type ExportScope, type Pass } from './scope.ts'

/** Events of a page: as many as make about so many characters, by the page before. */
const PAGE_LENGTH = 1_048_576
const PAGE_MIN = 16
const PAGE_MAX = 512

/**
 * The text of an export that is made of events as a compliance reader sees them, oldest first, a
 * page at a time. Every page is a short transaction of its own: nothing is kept open meanwhile.
 * Throws ContentChanged.
 */
export async function * listContent (
  services: Services, scope: ExportScope & { format: ListFormat }, pass: Pass
): AsyncGenerator<string> {
  const { head, page, tail } = FRAMINGS[scope.format]
  const reader = { tenant: scope.tenant, access: 'opened' } as const
  let first: bigint | undefined
  let after = -1n
  let limit = PAGE_MIN
  yield head
  for (;;) {
    await pass.requireGo()
    const rows = await readPage(services, scope, { after, limit, changes: pass.changes })
    const last = rows.at(-1)
    if (last === undefined) break
    const text = page(await presentRows(services, reader, rows), first === undefined)
    yield text
    first ??= rows[0]?.position ?? 0n
    after = last.position
    pass.onPage(rows.length, shareOf(after - first, scope.upTo - first))
    if (rows.length < limit) break
    limit = limitAfter(rows.length, text.length)
  }
  yield tail
}

/** Changes are counted after the rows are read: one that the rows show is in the number. */
async function readPage (
  { pool }: Services, { tenant, filter, upTo }: ExportScope,
  { after, limit, changes }: { after: bigint, limit: number, changes: number }
): Promise<EventRow[]> {
  const selection = { filter: { ...filter, until: { position: upTo } } }
  const [rows, counted] = await inTenant(pool, tenant, async (tx) => await Promise.all([
    listSelection(tx, selection, { after, limit }), countChanges(tx)
  ]))
  if (counted !== changes) throw new ContentChanged()
  return rows.reverse()
}

/** Wide events come a few at a time, so that a page never is much to hold. */
function limitAfter (events: number, length: number): number {
  const fitting = Math.floor(PAGE_LENGTH * events / Math.max(length, 1))
  return Math.min(Math.max(fitting, PAGE_MIN), PAGE_MAX)
}

/** How much of the way is done, 0 to 1. */
export function shareOf (done: bigint, whole: bigint): number {
  return whole <= 0n ? 1 : Math.min(Number(done) / Number(whole), 1)
}

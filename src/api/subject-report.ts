import { erasureOf, listErasures } from '../../projections/erasure-records/queries.ts'
import { countHolds, listHolds } from '../../projections/erasure-records/holds.ts'
import { countUntil, listSelection, type Page, type Selection } from
  '../../projections/entries/queries.ts'
import type { Tx } from '../../projections/projection.ts'
import { SUBJECT_TYPE } from '../../schemas/events/ledger.ts'
import type { ReportCounts, ReportEnd, ReportHead } from '../../schemas/http/subjects.ts'
import type { Problem } from '../../schemas/problem.ts'
import type { SubjectRef } from '../../schemas/primitives.ts'
import { LedgerError } from '../errors.ts'
import { inTenant } from '../postgres/transaction.ts'
import { erasureView, holdView } from './erasure-view.ts'
import { presentRows } from './present.ts'
import { openReading } from './reading.ts'
import type { Services } from './services.ts'

/** Rows that are in memory at once. */
const PAGE = 200

/** Of whom a report is, and up to where. */
export interface ReportOf {
  tenant: string
  subject: SubjectRef
  ref: string
  /** The last position that is included. */
  position: bigint
}

/** What names a person: events, and reads, which name nobody but by the ref. */
const eventsOf = (ref: string): Selection =>
  ({ filter: {}, driver: { table: 'user_feed', ref } })
const readsOf = (ref: string): Selection =>
  ({ filter: {}, driver: { table: 'entity_trail', type: SUBJECT_TYPE, key: ref } })

/**
 * How much there is to tell of a person, by the rows that the transaction sees. Throws NOT_FOUND
 * for one whose erasure is ordered.
 */
export async function countReport (
  tx: Tx, { ref, position }: Pick<ReportOf, 'ref' | 'position'>
): Promise<ReportCounts> {
  await refuseErased(tx, ref)
  const [events, reads, erasures, holds] = await Promise.all([
    countUntil(tx, eventsOf(ref), position),
    countUntil(tx, readsOf(ref), position),
    listErasures(tx, { ref }, { limit: PAGE }),
    countHolds(tx, ref)
  ])
  return { events, erasures: erasures.length, holds, reads }
}

/** Throws NOT_FOUND, naming the erasure, if the person with this ref was ordered erased. */
export async function refuseErased (tx: Tx, ref: string): Promise<void> {
  const erasure = await erasureOf(tx, ref)
  if (erasure === undefined) return
  throw new LedgerError('NOT_FOUND', 'This person was erased', { extra: { erasure } })
}

/**
 * Everything that the ledger holds about a person, line by line, events oldest first: the person's
 * own data opened, what is personal to others sealed. Pages are read as they are taken, each in a
 * transaction of its own. The last line says whether it is whole: it is not if the person is
 * erased meanwhile.
 */
export async function * reportLines (
  services: Services, report: ReportOf, counts: ReportCounts, failed: (err: unknown) => Problem
): AsyncGenerator<string> {
  const { subject, ref, position } = report
  const told: ReportCounts = { events: 0, erasures: 0, holds: 0, reads: 0 }
  yield lineOf({
    kind: 'head',
    subject: { ...subject, ref },
    position: String(position),
    generatedAt: new Date(services.now()).toISOString(),
    counts
  })
  try {
    for await (const [kind, line] of recordsOf(services, report)) {
      told[kind]++
      yield line
    }
  } catch (err) {
    yield lineOf({ kind: 'end', complete: false, counts: told, problem: failed(err) })
    return
  }
  yield lineOf({ kind: 'end', complete: true, counts: told })
}

type Counted = [kind: keyof ReportCounts, line: string]

async function * recordsOf (services: Services, report: ReportOf): AsyncGenerator<Counted> {
  const { ref } = report
  for await (const text of eventTexts(services, report, eventsOf(ref))) {
    yield ['events', `{"kind":"event","event":${text}}`]
  }
  const erasures = await asTenant(services, report, async (tx) =>
    await listErasures(tx, { ref }, { limit: PAGE }))
  for (const record of erasures) {
    const erasure = erasureView(record, services.now())
    yield ['erasures', JSON.stringify({ kind: 'erasure', erasure })]
  }
  let before: bigint | undefined
  do {
    const holds = await asTenant(services, report, async (tx) =>
      await listHolds(tx, { ref }, { limit: PAGE, before }))
    for (const record of holds) {
      yield ['holds', JSON.stringify({ kind: 'hold', hold: holdView(record) })]
    }
    before = holds.length < PAGE ? undefined : holds.at(-1)?.position
  } while (before !== undefined)
  for await (const text of eventTexts(services, report, readsOf(ref))) {
    yield ['reads', `{"kind":"read","event":${text}}`]
  }
}

async function * eventTexts (
  services: Services, report: ReportOf, selection: Selection
): AsyncGenerator<string> {
  const reader = { tenant: report.tenant, access: new Set([report.ref]) }
  let after: bigint | undefined = -1n
  while (after !== undefined) {
    const page: Page = { limit: PAGE, after }
    const rows = await asTenant(services, report, async (tx) =>
      await listSelection(tx, selection, page))
    const wanted = rows.reverse().filter(({ position }) => position <= report.position)
    yield * await presentRows(services, reader, wanted)
    after = wanted.length < PAGE ? undefined : wanted.at(-1)?.position
  }
}

/** Reads a page as the tenant, unless the person was erased since the last one. */
async function asTenant<T> (
  { pool }: Services, { tenant, ref }: ReportOf, work: (tx: Tx) => Promise<T>
): Promise<T> {
  return await inTenant(pool, tenant, async (tx) => {
    const [, , result] = await Promise.all([openReading(tx), refuseErased(tx, ref), work(tx)])
    return result
  })
}

function lineOf (line: ReportHead | ReportEnd): string {
  return JSON.stringify(line)
}

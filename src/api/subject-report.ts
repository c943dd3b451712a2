import { erasedAmong, listErasures } from '../../projections/erasure-records/queries.ts'
import { countHolds, listHolds } from '../../projections/erasure-records/holds.ts'
import { countUntil, listSelection, type EventRow, type Selection } from
  '../../projections/entries/queries.ts'
import type { Tx } from '../../projections/projection.ts'
import {
  countRemovedFeed, listRemovedFeed, type PersonRefs
} from '../../projections/user-feeds/queries.ts'
import { SUBJECT_TYPE } from '../../schemas/events/ledger.ts'
import type { ReportCounts, ReportEnd, ReportHead } from '../../schemas/http/subjects.ts'
import type { Problem } from '../../schemas/problem.ts'
import type { SubjectRef } from '../../schemas/primitives.ts'
import { LedgerError } from '../errors.ts'
import { inTenant } from '../postgres/transaction.ts'
import { erasureView, holdView } from './erasure-view.ts'
import { presentRows } from './present.ts'
import { openReading } from './reading.ts'
import { rowsFromLog } from './removed-rows.ts'
import type { Services } from './services.ts'

/** Rows that are in memory at once. */
const PAGE = 200

/** Of whom a report is, and up to where. */
export interface ReportOf {
  tenant: string
  subject: SubjectRef
  /** That of new events first. */
  refs: readonly [string, ...string[]]
  /** The last position that is included. */
  position: bigint
}

const personOf = ([ref, ...others]: ReportOf['refs']): PersonRefs => ({ ref, others })

/** What names a person: events, and reads, which name nobody but by the ref. */
const eventsOf = ([ref, ...others]: ReportOf['refs']): Selection =>
  ({ filter: {}, driver: { table: 'user_feed', ref, others } })
const readsOf = ([key, ...others]: ReportOf['refs']): Selection =>
  ({ filter: {}, driver: { table: 'entity_trail', type: SUBJECT_TYPE, key, others } })

/**
 * How much there is to tell of a person, by the rows that the transaction sees. Throws NOT_FOUND
 * for one whose erasure is ordered.
 */
export async function countReport (
  tx: Tx, { refs, position }: Pick<ReportOf, 'refs' | 'position'>
): Promise<ReportCounts> {
  await refuseErased(tx, refs)
  const [events, removed, reads, erasures, holds] = await Promise.all([
    countUntil(tx, eventsOf(refs), position),
    countRemovedFeed(tx, personOf(refs), position),
    countUntil(tx, readsOf(refs), position),
    listErasures(tx, { refs }, { limit: PAGE }),
    countHolds(tx, refs)
  ])
  return { events: events + removed, erasures: erasures.length, holds, reads }
}

/** Throws NOT_FOUND, naming the erasure, if a person with such a ref was ordered erased. */
export async function refuseErased (tx: Tx, refs: readonly string[]): Promise<void> {
  const [erased] = await erasedAmong(tx, refs)
  if (erased === undefined) return
  throw new LedgerError('NOT_FOUND', 'This person was erased', {
    extra: { erasure: erased.erasure }
  })
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
  const { subject, refs: [ref], position } = report
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
  const { refs } = report
  for await (const { text, isRemoved } of eventTexts(services, report, pageOfEvents)) {
    yield ['events', `{"kind":"event",${isRemoved ? '"removed":true,' : ''}"event":${text}}`]
  }
  const erasures = await asTenant(services, report, async (tx) =>
    await listErasures(tx, { refs }, { limit: PAGE }))
  for (const record of erasures) {
    const erasure = erasureView(record, services.now())
    yield ['erasures', JSON.stringify({ kind: 'erasure', erasure })]
  }
  let before: bigint | undefined
  do {
    const holds = await asTenant(services, report, async (tx) =>
      await listHolds(tx, { refs }, { limit: PAGE, before }))
    for (const record of holds) {
      yield ['holds', JSON.stringify({ kind: 'hold', hold: holdView(record) })]
    }
    before = holds.length < PAGE ? undefined : holds.at(-1)?.position
  } while (before !== undefined)
  for await (const { text } of eventTexts(services, report, pageOfReads)) {
    yield ['reads', `{"kind":"read","event":${text}}`]
  }
}

/** Rows after a position, ascending, and which of their events retention removed from reads. */
interface ReportPage {
  rows: readonly EventRow[]
  removed: ReadonlySet<bigint>
}

type ReadPage = (services: Services, report: ReportOf, after: bigint) => Promise<ReportPage>

async function pageOfEvents (
  services: Services, report: ReportOf, after: bigint
): Promise<ReportPage> {
  const { tenant, refs } = report
  const page = { limit: PAGE, after }
  const [shown, places] = await asTenant(services, report, async (tx) => await Promise.all([
    listSelection(tx, eventsOf(refs), page), listRemovedFeed(tx, personOf(refs), page)
  ]))
  const removed = await rowsFromLog(services, tenant, places)
  const rows = [...shown, ...removed].sort((one, other) => one.position < other.position ? -1 : 1)
  return { rows: rows.slice(0, PAGE), removed: new Set(places.map(({ position }) => position)) }
}

async function pageOfReads (
  services: Services, report: ReportOf, after: bigint
): Promise<ReportPage> {
  const rows = await asTenant(services, report, async (tx) =>
    await listSelection(tx, readsOf(report.refs), { limit: PAGE, after }))
  return { rows: rows.reverse(), removed: new Set() }
}

async function * eventTexts (
  services: Services, report: ReportOf, readPage: ReadPage
): AsyncGenerator<{ text: string, isRemoved: boolean }> {
  const reader = { tenant: report.tenant, access: new Set(report.refs) }
  let after: bigint | undefined = -1n
  while (after !== undefined) {
    const { rows, removed } = await readPage(services, report, after)
    const wanted = rows.filter(({ position }) => position <= report.position)
    const texts = await presentRows(services, reader, wanted)
    for (const [index, text] of texts.entries()) {
      yield { text, isRemoved: removed.has(wanted[index]?.position ?? -1n) }
    }
    after = wanted.length < PAGE ? undefined : wanted.at(-1)?.position
  }
}

/** Reads a page as the tenant, unless the person was erased since the last one. */
async function asTenant<T> (
  { pool }: Services, { tenant, refs }: ReportOf, work: (tx: Tx) => Promise<T>
): Promise<T> {
  return await inTenant(pool, tenant, async (tx) => {
    const [, , result] = await Promise.all([openReading(tx), refuseErased(tx, refs), work(tx)])
    return result
  })
}

function lineOf (line: ReportHead | ReportEnd): string {
  return JSON.stringify(line)
}

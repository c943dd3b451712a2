import { countErased } from '../../../projections/erasure-records/queries.ts'
import { listPositions } from '../../../projections/entries/queries.ts'
import { leavesAt, readLeaves, type EventLeaf, type Leaf } from
  '../../../projections/merkle/queries.ts'
import type { Tx } from '../../../projections/projection.ts'
import type { Recorded } from '../../../schemas/recorded.ts'
import { LedgerError } from '../../errors.ts'
import type { Log } from '../../ledger/log.ts'
import type { BundleLeaf } from '../../proof/bundle-writer.ts'
import { leafData, leafHash } from '../../proof/leaf.ts'
import { createTurns } from '../turns.ts'
import { shareOf } from './list-content.ts'
import { ContentChanged, type ExportScope, type Pass } from './scope.ts'

/** Leaves whose places are read at once; and those whose data are, where they are picked. */
const PLACES_PAGE = 2_048
const PICKED_PAGE = 256
/** Streams of the log that are read at once. */
const READING_MAX = 16

export type AsTenant = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>

/** What leaves are read from. */
export interface LeafSource {
  log: Log
  asTenant: AsTenant
}

/** Every leaf of a tree of that size: the log is read through once, from its start. */
export async function * allLeaves (
  { log, asTenant }: LeafSource, size: bigint, pass: Pass
): AsyncGenerator<BundleLeaf> {
  const events = log.readAll({ from: 'start' })[Symbol.asyncIterator]()
  try {
    for (let from = 0n; from < size; from += BigInt(PLACES_PAGE)) {
      await pass.requireGo()
      const end = from + BigInt(PLACES_PAGE)
      const to = end < size ? end : size
      const leaves = await asTenant(async (tx) => await readLeaves(tx, from, to))
      if (BigInt(leaves.length) !== to - from) {
        throw new LedgerError('CONTRADICTION', `rows lack leaves of [${from}, ${to})`)
      }
      for (const leaf of leaves) yield bundled(leaf, await eventAt(events, leaf.position))
      pass.onPage(leaves.length, shareOf(to, size))
    }
  } finally {
    await events.return?.()
  }
}

async function eventAt (
  events: AsyncIterator<Recorded>, position: bigint
): Promise<Recorded | undefined> {
  for (;;) {
    const { done, value } = await events.next()
    if (done === true || value.position > position) return undefined
    if (value.position === position) return value
  }
}

/** The leaves up to a position that pass a filter: each is read from its stream. */
export async function * filteredLeaves (
  { log, asTenant }: LeafSource, { filter, upTo }: Pick<ExportScope, 'filter' | 'upTo'>, pass: Pass
): AsyncGenerator<BundleLeaf> {
  const selection = { filter: { ...filter, until: { position: upTo } } }
  let after = -1n
  for (;;) {
    await pass.requireGo()
    const page = { after, limit: PICKED_PAGE }
    const [positions, erased] = await asTenant(async (tx) => await Promise.all([
      listPositions(tx, selection, page), countErased(tx)
    ]))
    if (erased !== pass.erasures) throw new ContentChanged()
    const last = positions.at(-1)
    if (last === undefined) return
    const leaves = await asTenant(async (tx) => await leavesAt(tx, positions))
    const events = await pick(log, leaves)
    for (const leaf of leaves) yield bundled(leaf, events.get(leaf.position))
    after = last
    pass.onPage(leaves.length, shareOf(last, upTo))
    if (positions.length < PICKED_PAGE) return
  }
}

/** The events of leaves by position; neighbours in a stream are read together. */
async function pick (
  log: Log, leaves: readonly EventLeaf[]
): Promise<ReadonlyMap<bigint, Recorded>> {
  const turn = createTurns(READING_MAX)
  const found = new Map<bigint, Recorded>()
  await Promise.all(runsOf(leaves).map(async ({ stream, from, max }) => await turn(async () => {
    for await (const event of log.readStream(stream, { from, max })) {
      found.set(event.position, event)
    }
  })))
  return found
}

interface StreamRun {
  stream: string
  from: bigint
  max: number
}

function runsOf (leaves: readonly EventLeaf[]): StreamRun[] {
  const runs: StreamRun[] = []
  const open = new Map<string, StreamRun>()
  for (const { stream, revision } of leaves) {
    const run = open.get(stream)
    if (run !== undefined && run.from + BigInt(run.max) === revision) {
      run.max++
      continue
    }
    const next = { stream, from: revision, max: 1 }
    open.set(stream, next)
    runs.push(next)
  }
  return runs
}

/** Throws rather than give out what the rows' tree does not prove. */
function bundled ({ index, hash }: Leaf, event: Recorded | undefined): BundleLeaf {
  if (event === undefined) {
    throw new LedgerError('LOG_REGRESSION', `the log does not hold the event of leaf ${index}`)
  }
  const leaf = leafData(event)
  if (leafHash(leaf).equals(hash)) return { index, leaf }
  throw new LedgerError('CONTRADICTION', `the event of leaf ${index} is not the one in the tree`)
}

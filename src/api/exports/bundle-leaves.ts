import { countChanges } from '../../../projections/exports/queries.ts'
import { listPositions } from '../../../projections/entries/queries.ts'
import { leavesAt, readLeaves, type Leaf, type PlacedLeaf } from
  '../../../projections/merkle/queries.ts'
import type { Tx } from '../../../projections/projection.ts'
import type { Recorded } from '../../../schemas/recorded.ts'
import { LedgerError } from '../../errors.ts'
import type { Log } from '../../ledger/log.ts'
import { leafData, leafHash } from '../../proof/leaf.ts'
import { pickEvents } from './leaf-pick.ts'
import { shareOf } from './list-content.ts'
import { ContentChanged, type ExportScope, type Pass } from './scope.ts'
import { refsIn, type SealedLeaf } from './shredded.ts'

/** Leaves of the tree that are read at once: a hundred bytes each. */
const LEAVES_PAGE = 2_048
/** Leaves that a filter chooses at once. */
const CHOSEN_PAGE = 256
/** To read so many events through costs as much as to fetch one of them from its stream. */
const SCANNED_PER_PICKED = 16n

export type AsTenant = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>

/** What leaves are read from: the log, and the tree of that size in the rows. */
export interface LeafSource {
  log: Log
  asTenant: AsTenant
  size: bigint
}

/** Every leaf of the tree: the log is read through once, from its start. */
export async function * allLeaves (source: LeafSource, pass: Pass): AsyncGenerator<SealedLeaf> {
  const events = source.log.readAll({ from: 'start' })[Symbol.asyncIterator]()
  try {
    for await (const leaves of leafPages(source, 0n)) {
      await pass.requireGo()
      for (const leaf of leaves) yield bundled(leaf, await atPosition(events, leaf.position))
      pass.onPage(leaves.length, shareOf((leaves.at(-1)?.index ?? 0n) + 1n, source.size))
    }
  } finally {
    await events.return?.()
  }
}

/** The leaves up to a position that a filter lets pass. */
export async function * filteredLeaves (
  source: LeafSource, scope: Pick<ExportScope, 'filter' | 'upTo'>, pass: Pass
): AsyncGenerator<SealedLeaf> {
  let reader: Reader | undefined
  try {
    for await (const positions of chosenPages(source, scope, pass)) {
      reader ??= await readerFor(source, positions)
      yield * reader.read(positions)
    }
  } finally {
    await reader?.close()
  }
}

async function * chosenPages (
  { asTenant }: LeafSource, { filter, upTo }: Pick<ExportScope, 'filter' | 'upTo'>, pass: Pass
): AsyncGenerator<bigint[]> {
  const selection = { filter: { ...filter, until: { position: upTo } } }
  for (let after = -1n; ;) {
    await pass.requireGo()
    const page = { after, limit: CHOSEN_PAGE }
    const [positions, changes] = await asTenant(async (tx) => await Promise.all([
      listPositions(tx, selection, page), countChanges(tx)
    ]))
    if (changes !== pass.changes) throw new ContentChanged()
    const last = positions.at(-1)
    if (last === undefined) return
    yield positions
    pass.onPage(positions.length, shareOf(last, upTo))
    if (positions.length < CHOSEN_PAGE) return
    after = last
  }
}

/** How the leaves at positions are read, page after page, ascending. */
interface Reader {
  read (positions: readonly bigint[]): AsyncIterable<SealedLeaf>
  close (): Promise<void>
}

/**
 * By the first page: where leaves lie close together the log is read through from there on, else
 * each is fetched from its stream.
 */
async function readerFor (source: LeafSource, positions: readonly bigint[]): Promise<Reader> {
  const leaves = await source.asTenant(async (tx) => await leavesAt(tx, positions))
  const [first, last] = [leaves[0], leaves.at(-1)]
  const isDense = positions.length === CHOSEN_PAGE && first !== undefined && last !== undefined &&
    last.index - first.index < SCANNED_PER_PICKED * BigInt(CHOSEN_PAGE)
  return isDense ? scanningFrom(source, first) : picking(source)
}

function scanningFrom (source: LeafSource, { index, position, prepare }: PlacedLeaf): Reader {
  const from = { commit: position, prepare }
  const events = source.log.readAll({ from })[Symbol.asyncIterator]()
  const leaves = flat(leafPages(source, index))
  return {
    async * read (positions) {
      for (const position of positions) {
        const leaf = await atPosition(leaves, position)
        if (leaf === undefined) throw lacking(position)
        yield bundled(leaf, await atPosition(events, position))
      }
    },
    async close () { await events.return?.() }
  }
}

function picking ({ log, asTenant }: LeafSource): Reader {
  return {
    async * read (positions) {
      const leaves = await asTenant(async (tx) => await leavesAt(tx, positions))
      if (leaves.length < positions.length) throw lacking(positions[0])
      const events = await pickEvents(log, leaves)
      for (const leaf of leaves) yield bundled(leaf, events.get(leaf.position))
    },
    async close () {}
  }
}

/** The leaves of the tree from an index on. */
async function * leafPages (
  { asTenant, size }: LeafSource, first: bigint
): AsyncGenerator<Leaf[]> {
  for (let from = first; from < size; from += BigInt(LEAVES_PAGE)) {
    const end = from + BigInt(LEAVES_PAGE)
    const to = end < size ? end : size
    const leaves = await asTenant(async (tx) => await readLeaves(tx, from, to))
    if (BigInt(leaves.length) < to - from) {
      throw new LedgerError('CONTRADICTION', `the rows lack leaves of [${from}, ${to})`)
    }
    yield leaves
  }
}

async function * flat<T> (pages: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const page of pages) yield * page
}

/** Goes on to the item at a position; undefined if there is none. */
async function atPosition<T extends { position: bigint }> (
  items: AsyncIterator<T>, position: bigint
): Promise<T | undefined> {
  for (;;) {
    const { done, value } = await items.next()
    if (done === true || value.position > position) return undefined
    if (value.position === position) return value
  }
}

/** Throws rather than give out what the rows' tree does not prove. */
function bundled ({ index, hash }: Leaf, event: Recorded | undefined): SealedLeaf {
  if (event === undefined) {
    throw new LedgerError('LOG_REGRESSION', `the log does not hold the event of leaf ${index}`)
  }
  const leaf = leafData(event)
  if (leafHash(leaf).equals(hash)) return { index, leaf, refs: refsIn(event.data) }
  throw new LedgerError('CONTRADICTION', `the event of leaf ${index} is not the one in the tree`)
}

function lacking (position: bigint | undefined): LedgerError {
  return new LedgerError('CONTRADICTION', `the tree lacks a leaf from position ${position} on`)
}

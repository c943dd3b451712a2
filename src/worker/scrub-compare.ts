import { grouped } from '../../projections/keys.ts'
import type { Leaf } from '../../projections/merkle/queries.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import type { Fault } from '../proof/finding.ts'
import { append, frontierRoot, type Frontier } from '../proof/merkle.ts'

/** A tenant's tree as far as it was compared. */
export interface ScrubTree {
  size: bigint
  /** Undefined once a root can no longer be told: something is missing on both sides. */
  frontier: Frontier | undefined
}

/** What of a tenant is compared. */
export interface ScrubPart {
  tree: ScrubTree
  /** The leaves that the log has, in order. */
  events: readonly DecodedEvent[]
  /** The rows from the tree's end on, as far as the events go, in order. */
  rows: readonly Leaf[]
  /** The index of the row after these; undefined if there is none. */
  next: bigint | undefined
  /** The roots that were signed for sizes beyond the tree's. */
  roots: ReadonlyMap<bigint, readonly Buffer[]>
}

/** Something that differs: the first place, and how many there are of the kind. */
export interface ScrubFinding {
  kind: Fault
  position: bigint
  index: bigint
  message: string
}

/**
 * Compares leaves of the log with the rows of the same places, and the tree that they make with
 * every root that was signed. Where they differ the tree goes on with the row, so that one leaf is
 * one finding. Returns the tree at the end, and one finding for each kind of difference.
 */
export function compareLeaves (part: ScrubPart): { tree: ScrubTree, findings: ScrubFinding[] } {
  const comparison = new Comparison(part)
  const { events, rows, next } = part
  let [event, row] = [0, 0]
  while (event < events.length || row < rows.length) {
    const [one, other] = [events[event], rows[row]]
    if (one !== undefined && one.position === other?.position) {
      comparison.both(one, other)
      event++
      row++
    } else if (other !== undefined && (one === undefined || other.position < one.position)) {
      comparison.rowAlone(other)
      row++
    } else if (one !== undefined) {
      comparison.eventAlone(one, other?.index ?? next)
      event++
    }
  }
  return comparison.result()
}

/** A difference at a leaf, in words. */
export function findingAt (
  kind: Fault, { index, position }: Pick<Leaf, 'index' | 'position'>, what: string
): ScrubFinding {
  return { kind, position, index, message: `leaf ${index}, at ${position}: ${what}` }
}

/** The first finding of each kind, which says how many more there are. */
export function oneOfEachKind (findings: readonly ScrubFinding[]): ScrubFinding[] {
  return [...grouped(findings, ({ kind }) => kind).values()].flatMap(([first, ...more]) => {
    if (first === undefined) return []
    const { message } = first
    return [more.length === 0
      ? first
      : {
          ...first, message: `${message}; ${more.length} more after it`
        }]
  })
}

class Comparison {
  readonly #roots: ScrubPart['roots']
  readonly #findings: ScrubFinding[] = []
  #size: bigint
  #frontier: Frontier | undefined

  constructor ({ tree: { size, frontier }, roots }: ScrubPart) {
    this.#roots = roots
    this.#size = size
    this.#frontier = frontier
  }

  both ({ position, leafHash, stream, revision }: DecodedEvent, row: Leaf): void {
    this.#reach(row)
    if (!row.hash.equals(leafHash)) {
      this.#say('tampered', row, `revision ${revision} of ${stream} is not what its row says`)
    }
    this.#take(row.hash, position)
  }

  rowAlone (row: Leaf): void {
    this.#reach(row)
    this.#say('missing', row, 'the log no longer has it')
    this.#take(row.hash, row.position)
  }

  /** Either its row is gone, which leaves a gap before the next one, or the event came later. */
  eventAlone (event: DecodedEvent, next: bigint | undefined): void {
    const { position, leafHash, stream, revision } = event
    const place = { index: this.#size, position }
    if (next === this.#size) {
      this.#say('foreign', place, `revision ${revision} of ${stream} was not there before`)
      return
    }
    this.#say('missing', place, `revision ${revision} of ${stream} has no row`)
    this.#take(leafHash, position)
  }

  result (): { tree: ScrubTree, findings: ScrubFinding[] } {
    const tree = { size: this.#size, frontier: this.#frontier }
    return { tree, findings: oneOfEachKind(this.#findings) }
  }

  /** Leaves that are on neither side cannot be hashed any more. */
  #reach (row: Leaf): void {
    if (row.index === this.#size) return
    this.#say('missing', { index: this.#size, position: row.position },
      `neither the log nor the rows have it, up to leaf ${row.index - 1n}`)
    this.#size = row.index
    this.#frontier = undefined
  }

  #take (hash: Buffer, position: bigint): void {
    this.#size++
    this.#frontier = this.#frontier && append(this.#frontier, [hash])
    const signed = this.#roots.get(this.#size)
    if (this.#frontier === undefined || signed === undefined) return
    const root = frontierRoot(this.#frontier)
    if (signed.every((one) => one.equals(root))) return
    this.#say('forked', { index: this.#size - 1n, position },
      'up to here the leaves are not those that were signed')
    // Nothing after it would fit either.
    this.#frontier = undefined
  }

  #say (kind: Fault, place: Pick<Leaf, 'index' | 'position'>, what: string): void {
    this.#findings.push(findingAt(kind, place, what))
  }
}

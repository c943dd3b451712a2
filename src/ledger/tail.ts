/** Ids kept for all streams together; about 150 bytes each. */
export const TAILS_MAX_IDS = 200_000
/** Ids of one stream that stay although they are projected: a request may know less. */
const TAIL_KEEP = 128
/** What a stream weighs besides its ids. */
const STREAM_WEIGHT = 4

/**
 * What this process knows of the end of a stream: every id in (base, head], without a gap.
 * -1n stands for the beginning: there is no revision before 0.
 */
export interface Tail {
  base: bigint
  head: bigint
  /** id -> revision, ascending. */
  revisions: Map<string, bigint>
}

/** A tail that knows nothing but that the stream has come to this revision. */
export function emptyTail (head: bigint): Tail {
  return { base: head, head, revisions: new Map() }
}

/** An event's id and where it stands in its stream. */
export interface Placed {
  id: string
  revision: bigint
}

/** Adds what follows the head, ascending. */
export function extendTail (tail: Tail, events: readonly Placed[]): void {
  for (const { id, revision } of events) {
    if (!tail.revisions.has(id)) tail.revisions.set(id, revision)
    tail.head = revision
  }
}

/** Adds what stands in (base, tail.base], ascending; what was truncated there stays unknown. */
export function prependTail (tail: Tail, base: bigint, events: readonly Placed[]): void {
  const revisions = new Map(events.map(({ id, revision }) => [id, revision]))
  for (const [id, revision] of tail.revisions) revisions.set(id, revision)
  tail.revisions = revisions
  tail.base = base
}

/**
 * The ends of the streams that this process writes to, as far as the read models may not know
 * them. Bounded: what is projected leaves, then the streams that were used longest ago. Losing a
 * tail costs a read of the log, never correctness.
 */
export class Tails {
  readonly #tails = new Map<string, Tail>()
  readonly #maxIds: number
  #weight = 0

  constructor (maxIds = TAILS_MAX_IDS) {
    this.#maxIds = maxIds
  }

  /** Takes a stream's tail out; whoever took it is the only one who works on that stream. */
  take (stream: string): Tail | undefined {
    const tail = this.#tails.get(stream)
    if (tail === undefined) return undefined
    this.#tails.delete(stream)
    this.#weight -= weigh(tail)
    return tail
  }

  /** Puts a tail back. Revisions up to `projected` need not be kept. */
  put (stream: string, tail: Tail, projected: bigint): void {
    if (tail.revisions.size > TAIL_KEEP) dropProjected(tail, projected)
    this.#tails.set(stream, tail)
    this.#weight += weigh(tail)
    for (const [oldest, old] of this.#tails) {
      if (this.#weight <= this.#maxIds) break
      this.#tails.delete(oldest)
      this.#weight -= weigh(old)
    }
  }

  get streams (): number {
    return this.#tails.size
  }
}

function weigh (tail: Tail): number {
  return tail.revisions.size + STREAM_WEIGHT
}

function dropProjected (tail: Tail, projected: bigint): void {
  for (const [id, revision] of tail.revisions) {
    if (revision > projected) break
    tail.revisions.delete(id)
    tail.base = revision
  }
}

import type { Scope } from './bundle.ts'
import { fault, type Finding, type FindingPlace } from './finding.ts'

/** Streams whose revisions are followed. Memory is bounded: those beyond are counted only. */
export const STREAMS_MAX = 1_000_000

/** Follows the revisions of each stream: in the order of the tree they only grow. */
export class StreamOrder {
  readonly #last = new Map<string, bigint>()
  readonly #scope: Scope | undefined
  readonly #max: number
  #unfollowed = 0

  constructor (scope: Scope | undefined, max = STREAMS_MAX) {
    this.#scope = scope
    this.#max = max
  }

  /** How many leaves belong to streams that were too many: their revisions were not checked. */
  get unfollowed (): number {
    return this.#unfollowed
  }

  /** The next leaf. Where the scope leaves none out, no revision may be missing either. */
  see (stream: string, revision: bigint, place: FindingPlace): Finding[] {
    const scope = this.#scope
    const at = { ...place, stream, revision }
    if (scope?.type === 'stream' && stream !== scope.stream) {
      return [fault('foreign', `revision ${revision} of ${stream} is of another stream`, at)]
    }
    const known = this.#last.get(stream)
    if (known === undefined && this.#last.size >= this.#max) {
      this.#unfollowed++
      return []
    }
    const last = known ?? this.#before(revision)
    if (revision > last) {
      this.#last.set(stream, revision)
      const dense = scope?.type === 'stream' || scope?.type === 'range'
      return dense && revision > last + 1n
        ? [fault('missing', `${stream}: revisions ${last + 1n} to ${revision - 1n} missing`, at)]
        : []
    }
    return revision === last
      ? [fault('duplicated', `${stream}: revision ${revision} a second time`, at)]
      : [fault('reordered', `${stream}: revision ${revision} after revision ${last}`, at)]
  }

  /** What is missing at the end of a stream that was to be shown whole. */
  end (): Finding[] {
    if (this.#scope?.type !== 'stream') return []
    const { stream, revisions } = this.#scope
    const next = (this.#last.get(stream) ?? -1n) + 1n
    if (next === revisions) return []
    return next < revisions
      ? [fault('missing', `${stream}: revisions ${next} to ${revisions - 1n} missing`, { stream })]
      : [fault('foreign', `${stream}: ${next} revisions instead of ${revisions}`, { stream })]
  }

  /** What comes before the first revision that is seen: in a part of the tree, the one below it. */
  #before (revision: bigint): bigint {
    const part = this.#scope?.type === 'range' && this.#scope.from > 0n
    return part ? revision - 1n : -1n
  }
}

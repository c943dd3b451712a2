import { createHmac, randomBytes } from 'node:crypto'
import { entityKey, namedRefs } from '../../../projections/keys.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'

/** Events of one trail that are compared, the newest; of longer ones the rest is not. */
export const TRAIL_EVENTS_MAX = 1_000

/** A trail or feed that is compared: where it is read, and the leaves it has to show. */
export interface SampledTrail {
  path: string
  /** The newest, in order; not all if there are more than TRAIL_EVENTS_MAX. */
  leaves: number[]
}

/**
 * Chooses trails and feeds by chance, as one reads the log, in bounded memory: those whose names
 * have the smallest keyed hashes. A name that is among them at the end always was, so nothing
 * that it has was missed; the key is drawn anew each time, so nobody knows which they will be.
 */
export class TrailSample {
  readonly #max: number
  readonly #key = randomBytes(32)
  readonly #chosen = new Map<string, SampledTrail & { rank: string }>()
  #bound = ''
  #refused = false

  constructor (max: number) {
    this.#max = max
  }

  /** Takes the leaf at an index, one after the other. */
  see (event: DecodedEvent, index: number): void {
    if (this.#max === 0) return
    for (const path of pathsOf(event)) {
      const trail = this.#chosen.get(path) ?? this.#choose(path)
      if (trail === undefined) continue
      trail.leaves.push(index)
      if (trail.leaves.length > 2 * TRAIL_EVENTS_MAX) {
        trail.leaves = trail.leaves.slice(-TRAIL_EVENTS_MAX - 1)
      }
    }
  }

  get chosen (): readonly SampledTrail[] {
    return [...this.#chosen.values()]
  }

  /** Whether these are all trails and feeds that there are. */
  get isWhole (): boolean {
    return !this.#refused
  }

  #choose (path: string): SampledTrail & { rank: string } | undefined {
    const rank = createHmac('sha256', this.#key).update(path).digest('hex')
    const isFull = this.#chosen.size >= this.#max
    if (isFull) this.#refused = true
    if (isFull && rank > this.#bound) return undefined
    const trail = { path, rank, leaves: [] }
    this.#chosen.set(path, trail)
    if (this.#chosen.size > this.#max) this.#chosen.delete(this.#last().path)
    this.#bound = this.#last().rank
    return trail
  }

  #last (): { path: string, rank: string } {
    return [...this.#chosen.values()].reduce((last, one) => one.rank > last.rank ? one : last)
  }
}

/** Where an event is shown besides the list: trails of entities, feeds of persons. */
function pathsOf (event: DecodedEvent): Set<string> {
  const { entity, related = [] } = event.data
  const entities = [entity, ...related].filter((named) => named !== undefined)
  return new Set([
    ...entities.flatMap((named) => {
      const key = entityKey(named)
      // A dot and two are steps of a path however they are written.
      if (key === null || /^\.\.?$/.test(key)) return []
      return `/v1/entities/${encodeURIComponent(named.type)}/${encodeURIComponent(key)}/events`
    }),
    ...namedRefs(event).map((ref) => `/v1/users/${ref}/events`)
  ])
}

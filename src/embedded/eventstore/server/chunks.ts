/** Putting the chunks of batch appends together, which arrive mixed with those of others. */
import { WireError } from '../wire/protobuf.ts'
import type { ProposedEvent } from '../wire/recorded.ts'
import type { BatchAppendMessage, Target } from '../wire/requests.ts'
import type { BatchResult } from '../wire/responses.ts'
import { CODE, StatusError } from './status.ts'

/** All chunks of one append must arrive within this time, as in the real server. */
export const CHUNKS_TIMEOUT_MS = 2_000
/** A client may have this many appends of which not all chunks have arrived. */
const PARTIALS_MAX = 1_000

/** An append that has arrived. */
export interface Complete {
  readonly target: Target
  readonly events: readonly ProposedEvent[]
}

interface Partial {
  readonly target: Target
  readonly events: ProposedEvent[]
  bytes: number
  /** Its answer is out already: what still arrives for it is dropped. */
  answered: boolean
  readonly timer: NodeJS.Timeout
}

export interface ChunksOptions {
  readonly maxAppendBytes: number
  readonly now: () => number
  /** Told the answer of an append that will never be complete. */
  readonly onRefused: (id: string, target: Target, result: BatchResult) => void
}

export interface Chunks {
  /**
   * Takes a chunk; gives the append when it was the last one of it.
   * @throws {StatusError} when too many are incomplete.
   */
  add (message: BatchAppendMessage): Complete | undefined
  /** Forgets everything that is incomplete. */
  clear (): void
}

/** Chunks of one call. */
export function createChunks (options: ChunksOptions): Chunks {
  const partials = new Map<string, Partial>()

  function open (id: string, target: Target): Partial {
    if (partials.size >= PARTIALS_MAX) {
      const message = `more than ${PARTIALS_MAX} appends are incomplete`
      throw new StatusError({ code: CODE.resourceExhausted, message })
    }
    const waitMs = Math.min(target.deadlineMs - options.now(), CHUNKS_TIMEOUT_MS)
    const timer = setTimeout(() => { refuse(id, partial, { kind: 'timeout' }) }, waitMs)
    const partial: Partial = { target, events: [], bytes: 0, answered: false, timer }
    partials.set(id, partial)
    return partial
  }

  function refuse (id: string, partial: Partial, result: BatchResult): void {
    clearTimeout(partial.timer)
    partial.answered = true
    partial.events.length = 0
    options.onRefused(id, partial.target, result)
  }

  function gather (partial: Partial, message: BatchAppendMessage): void {
    const { correlationId: id, events, problem } = message
    partial.bytes += events.reduce((sum, event) => sum + event.data.length, 0)
    partial.events.push(...events)
    const { maxAppendBytes: maxBytes } = options
    if (problem !== undefined) refuse(id, partial, { kind: 'bad-request', message: problem })
    else if (partial.bytes > maxBytes) refuse(id, partial, { kind: 'too-large', maxBytes })
  }

  return {
    add (message) {
      const { correlationId: id, target, isFinal } = message
      const known = partials.get(id)
      if (known === undefined && target !== undefined && isFinal && message.problem === undefined) {
        return { target, events: message.events }
      }
      if (known === undefined && target === undefined) {
        throw new WireError('the first chunk of an append names no stream')
      }
      const partial = known ?? (target === undefined ? undefined : open(id, target))
      if (partial === undefined) return undefined
      if (!partial.answered) gather(partial, message)
      if (!isFinal) return undefined
      clearTimeout(partial.timer)
      partials.delete(id)
      return partial.answered ? undefined : partial
    },
    clear () {
      for (const partial of partials.values()) clearTimeout(partial.timer)
      partials.clear()
    }
  }
}

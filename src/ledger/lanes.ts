import type { Pending } from './append.ts'

/** Events that leave in one append. */
export const GROUP_MAX_EVENTS = 500
/** Data that leaves in one append; EventStoreDB takes 1 MiB a call by default. */
export const GROUP_MAX_BYTES = 900_000

/**
 * A queue for each stream: what waits for a stream while an append to it is under way leaves
 * together with the next. Streams do not wait for each other.
 */
export class Lanes {
  readonly #queues = new Map<string, Pending[]>()
  readonly #append: (stream: string, group: readonly Pending[]) => Promise<void>
  readonly #waiting = new Set<() => void>()

  /** `append` settles every event of its group and never throws. */
  constructor (append: (stream: string, group: readonly Pending[]) => Promise<void>) {
    this.#append = append
  }

  /** Queues events, each for its own stream, in this order. */
  enqueue (events: readonly Pending[]): void {
    for (const pending of events) {
      const { stream } = pending.encoded
      const queue = this.#queues.get(stream)
      if (queue) {
        queue.push(pending)
      } else {
        this.#queues.set(stream, [pending])
        // A microtask later, so that events which arrive together leave together.
        queueMicrotask(() => { this.#drain(stream) })
      }
    }
  }

  /** Settles when nothing is under way, or after `atMostMs`: a stream may be stuck. */
  async idle (atMostMs: number): Promise<void> {
    if (this.#queues.size === 0) return
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(end)
        resolve()
      }
      const timer = setTimeout(end, atMostMs)
      this.#waiting.add(end)
    })
  }

  #drain (stream: string): void {
    const queue = this.#queues.get(stream)
    if (queue === undefined || queue.length === 0) {
      this.#queues.delete(stream)
      if (this.#queues.size === 0) for (const end of this.#waiting) end()
      return
    }
    this.#append(stream, takeGroup(queue)).finally(() => { this.#drain(stream) })
  }
}

function takeGroup (queue: Pending[]): Pending[] {
  let bytes = 0
  let count = 0
  for (const { encoded } of queue) {
    bytes += encoded.bytes
    if (count === GROUP_MAX_EVENTS || (count > 0 && bytes > GROUP_MAX_BYTES)) break
    count++
  }
  return queue.splice(0, count)
}

import { outcomeOf, type Entry } from './entry.ts'
import type { Settings } from './options.ts'
import type { Queue } from './queue.ts'

/** Sends what is in the queue, a few requests at a time. */
export interface Pump {
  /** There is something new in the queue. */
  wake (): void
  /** Resolves when these are settled; nothing lingers meanwhile. */
  drain (entries: readonly Entry[]): Promise<void>
}

/**
 * A pump over a queue. A request leaves when it is full, when somebody waits for a receipt, when
 * the queue is being drained, or when its first event has lingered long enough. `send` resolves
 * when its entries are settled, and never rejects.
 */
export function createPump (
  { batch, flights }: Pick<Settings, 'batch' | 'flights'>, queue: Queue,
  send: (entries: readonly Entry[]) => Promise<void>
): Pump {
  let flying = 0
  let draining = 0
  let lingered = false
  let scheduled = false
  let timer: NodeJS.Timeout | undefined

  const isReady = (): boolean => {
    return queue.unsent.size > 0 && (lingered || draining > 0 || queue.isReady(batch))
  }

  function wake (): void {
    if (scheduled || flying === flights || queue.unsent.size === 0) return
    if (isReady()) {
      scheduled = true
      // Not at once: what is given in the same turn travels together.
      setImmediate(launch)
    } else {
      timer ??= setTimeout(() => {
        timer = undefined
        lingered = true
        wake()
      }, batch.lingerMs)
    }
  }

  function launch (): void {
    scheduled = false
    while (flying < flights && isReady()) {
      clearTimeout(timer)
      timer = undefined
      lingered = false
      flying++
      send(queue.take(batch)).finally(() => {
        flying--
        wake()
      })
    }
    wake()
  }

  return {
    wake,
    async drain (entries) {
      draining++
      wake()
      await Promise.all(entries.map(outcomeOf))
      draining--
    }
  }
}

import type { Log, LogPosition } from '../ledger/log.ts'
import { roughSize } from '../ledger/rough-size.ts'
import { compareCheckpoints } from './checkpoint.ts'
import { itemOf, type Item } from './item.ts'

export interface ReadBatchesOptions {
  /** Exclusive; undefined = from the start. */
  after: LogPosition | undefined
  /** Inclusive; undefined = nothing. */
  until: LogPosition | undefined
  signal: AbortSignal
}

const BATCH_EVENTS_MAX = 5_000
const BATCH_BYTES_MAX = 4 * 1_048_576

/**
 * Part of the log in large batches, checked. The next batch is read while the consumer works on
 * one, so two are held at most. Throws LOG_UNAVAILABLE, or the signal's reason.
 */
export async function * readBatches (
  log: Log, options: ReadBatchesOptions
): AsyncGenerator<Item[]> {
  if (options.until === undefined) return
  if (compareCheckpoints(options.after, options.until) >= 0) return
  const batches = cut(log, options)
  try {
    let next = batches.next()
    for (;;) {
      const { value, done } = await next
      if (done === true) return
      next = batches.next()
      // It is awaited in the next round, or no more when the consumer gave up.
      next.catch(() => undefined)
      yield value
    }
  } finally {
    await batches.return(undefined).catch(() => undefined)
  }
}

async function * cut (
  log: Log, { after, until, signal }: ReadBatchesOptions
): AsyncGenerator<Item[], undefined> {
  let items: Item[] = []
  let bytes = 0
  for await (const event of log.readAll({ from: after ?? 'start' })) {
    signal.throwIfAborted()
    const at = { commit: event.position, prepare: event.prepare }
    if (compareCheckpoints(at, after) <= 0) continue
    if (compareCheckpoints(at, until) > 0) break
    items.push(itemOf(event))
    bytes += roughSize(event.data)
    if (items.length < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX) continue
    yield items
    items = []
    bytes = 0
  }
  if (items.length > 0) yield items
  return undefined
}

import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError, isLedgerError } from '../errors.ts'
import { batches, type RecordedBatch, type SubscriptionState } from '../ledger/subscribe.ts'
import { isAnchored } from './anchor.ts'
import { applyBatch, type BatchContext } from './batch.ts'
import type { Checkpoint } from './checkpoint.ts'
import { applySplitting, itemOf, type Item } from './item.ts'
import type { Prepared } from './prepare.ts'
import { detailOf, laterOf, writeStatus, type WorkerState } from './status.ts'
import type { Term } from './term.ts'

const BATCH_EVENTS_MAX = 2_000
/**
 * Small batches follow each other no faster: a transaction costs about as much for thirty events
 * as for one.
 */
const SMALL_EVERY_MS = 15

/** What changes from batch to batch. */
interface Following {
  term: Term
  batch: BatchContext
  checkpoint: Checkpoint | undefined
  /** The connection was lost since the anchor was checked last. */
  doubtful: boolean
}

/**
 * Applies everything after the checkpoint, for ever: returns when the round is over. While a
 * large batch is applied the next is read and decoded; small ones gather what comes meanwhile.
 * Throws FENCED and CHECKPOINT_MOVED like applyBatch, LOG_REGRESSION when a log that came back
 * lacks the last processed event, LOG_UNAVAILABLE when it is gone again before that is known.
 */
export async function follow (term: Term, prepared: Prepared, round: AbortSignal): Promise<void> {
  const { pool, log, projections, fault } = term.context
  const following: Following = {
    term,
    batch: { pool, fence: term.fence, live: prepared.live, projections, fault },
    checkpoint: prepared.checkpoint,
    doubtful: false
  }
  const failed = new AbortController()
  const signal = AbortSignal.any([term.signal, round, failed.signal])
  const onState = (state: SubscriptionState): void => { tell(following, state) }
  const options = { after: prepared.checkpoint, signal, onState, maxEvents: BATCH_EVENTS_MAX }
  let applying = Promise.resolve()
  try {
    for await (const batch of batches(log, options)) {
      const items = batch.events.map(itemOf)
      await applying
      await reassure(following)
      const startedAt = performance.now()
      applying = apply(following, items, batch)
      applying.catch(() => { failed.abort() })
      // What comes meanwhile goes together; only large batches are worth reading ahead of.
      if (items.length < BATCH_EVENTS_MAX / 4) {
        await applying
        await sleep(Math.max(0, startedAt + SMALL_EVERY_MS - performance.now()))
      }
    }
    await applying
  } finally {
    failed.abort()
    await applying.catch(() => undefined)
  }
}

/** The state of the connection, at once: a batch may be long in coming. */
function tell (following: Following, connection: SubscriptionState): void {
  const { context: { status, logger, pool }, fail } = following.term
  if (connection.connected) {
    // What came back is not followed, nor signed, before it is known to be the same.
    if (following.doubtful) return
    status.state = 'catching-up'
    status.reason = undefined
  } else {
    following.doubtful = true
    const { cause } = connection
    logger.warn({ err: cause }, 'the log is away')
    status.state = 'waiting-for-log'
    status.reason = cause instanceof Error ? cause.message : String(cause)
    status.lagEvents = undefined
  }
  writeStatus(pool, status).catch(fail)
}

/** After every reconnection, before anything that came from it is applied. */
async function reassure (following: Following): Promise<void> {
  if (!following.doubtful) return
  if (!await isAnchored(following.term.context.log, following.checkpoint)) {
    throw new LedgerError('LOG_REGRESSION', 'the last processed event is gone')
  }
  following.doubtful = false
}

async function apply (
  following: Following, items: readonly Item[], { caughtUp }: RecordedBatch
): Promise<void> {
  const { context } = following.term
  const { status, pool, now, onApplied } = context
  const state: WorkerState = caughtUp ? 'live' : 'catching-up'
  try {
    await applySplitting(items, async (part) => {
      const last = part.at(-1)
      const said = {
        ...status,
        state,
        reason: undefined,
        position: last?.recorded.position,
        lagEvents: caughtUp ? 0 : undefined,
        lagMs: caughtUp ? 0 : ageMs(last, now())
      }
      following.checkpoint = await applyBatch(
        following.batch, following.checkpoint, part, { state, detail: detailOf(said) })
      const { reason, lagEvents, lagMs } = said
      Object.assign(status, { state, reason, lagEvents, lagMs })
      status.events += part.length
      status.batches++
      status.position = following.checkpoint?.commit
      status.head = laterOf(status.head, status.position)
      onApplied?.()
    })
  } catch (err) {
    if (isLedgerError(err, 'FENCED')) status.fenceRejections++
    throw err
  }
  if (items.length > 0) return
  Object.assign(status, { state, reason: undefined, lagEvents: 0, lagMs: 0 })
  await writeStatus(pool, status)
}

function ageMs (item: Item | undefined, now: number): number | undefined {
  if (item === undefined || 'refused' in item) return undefined
  return Math.max(0, now - Date.parse(item.event.data.recordedAt))
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Projection } from '../../projections/projection.ts'
import { isLedgerError } from '../errors.ts'
import { codeOf } from '../postgres/errors.ts'
import { isAnchored } from './anchor.ts'
import { follow } from './follow.ts'
import { renewLease } from './lease.ts'
import { dropRetired, isDamaged, prepare, type Prepared } from './prepare.ts'
import { rebuild } from './rebuild.ts'
import type { RunnerContext } from './runner.ts'
import { laterOf, writeStatus, type WorkerState } from './status.ts'

/** One term of an active runner: from taking the lease to losing or releasing it. */
export interface Term {
  context: RunnerContext
  fence: bigint
  /** Aborted when the term is over, for whatever reason. */
  signal: AbortSignal
  /** Ends the term with this error; the first one counts. */
  fail: (err: unknown) => void
  /** Ends the present round: what it was prepared with is no longer so. */
  round: AbortController
}

/** How often tables, views and retired generations are looked after. */
const CARE_EVERY_HEARTBEATS = 5
/** A rebuild that contradicts what was signed is not tried again at once. */
const CONTRADICTION_RETRY_MS = 60_000

/**
 * Prepares the read models and follows the log until the signal is aborted. Throws FENCED when
 * another runner takes over, and what Postgres throws.
 */
export async function serveTerm (
  context: RunnerContext, fence: bigint, signal: AbortSignal
): Promise<void> {
  const over = new AbortController()
  let failure: { err: unknown } | undefined
  const term: Term = {
    context,
    fence,
    signal: AbortSignal.any([signal, over.signal]),
    fail: (err) => {
      failure ??= { err }
      over.abort()
    },
    round: new AbortController()
  }
  await Promise.all([serveRounds(term), beat(term).catch(term.fail)])
  if (failure !== undefined && !signal.aborted) throw failure.err
}

/** Each round starts from what the database holds, and ends when that is no longer so. */
async function serveRounds (term: Term): Promise<void> {
  const { context, fence, signal, fail } = term
  const { pool, projections, status, retryMs } = context
  let building: Promise<void> | undefined
  let wasGone = false
  try {
    while (!signal.aborted) {
      term.round = new AbortController()
      const prepared = await prepare(pool, fence, projections)
      status.position = prepared.checkpoint?.commit
      if (building === undefined && prepared.rebuild.length > 0) {
        building = build(term, prepared.rebuild).catch(fail).finally(() => { building = undefined })
      }
      if (prepared.live.length === 0) await pause(retryMs, signal)
      else if (await anchored(term, prepared)) {
        const isGone = await followPrepared(term, prepared)
        // A table that was switched is found the next time; a wrong statement is wrong for ever.
        if (isGone && wasGone) await pause(retryMs, signal)
        wasGone = isGone
      }
    }
  } catch (err) {
    fail(err)
  } finally {
    await building
  }
}

/** Postgres's words for a table or a schema that is not there. */
const GONE = new Set(['42P01', '3F000'])

/** Returns whether the round ended because a table was gone. */
async function followPrepared (term: Term, prepared: Prepared): Promise<boolean> {
  try {
    await follow(term, prepared, term.round.signal)
    return false
  } catch (err) {
    if (!endsRound(err)) throw err
    term.context.logger.info({ err }, 'starting again from the checkpoint')
    return GONE.has(codeOf(err))
  }
}

function endsRound (err: unknown): boolean {
  return isLedgerError(err, 'CHECKPOINT_MOVED') || isLedgerError(err, 'LOG_REGRESSION') ||
    isLedgerError(err, 'LOG_UNAVAILABLE') || GONE.has(codeOf(err))
}

/**
 * Whether the log still has the last processed event; if it has not, or cannot be asked, says so
 * and waits a moment.
 */
async function anchored (
  { context, signal }: Term, { checkpoint }: Prepared
): Promise<boolean> {
  const { log, status, logger, retryMs } = context
  let state: WorkerState = 'log-regression'
  let reason = `event ${checkpoint?.id} is no longer at revision ${checkpoint?.revision} of ` +
    `${checkpoint?.stream}: the log is an older state of itself, or another one`
  try {
    if (await abortable(isAnchored(log, checkpoint), signal)) return true
  } catch (err) {
    if (!isLedgerError(err, 'LOG_UNAVAILABLE')) throw err
    state = 'waiting-for-log'
    reason = err.message
  }
  if (status.state !== state) logger.error({ state, reason }, 'nothing is applied')
  Object.assign(status, { state, reason, lagEvents: undefined })
  await writeStatus(context.pool, status)
  await pause(retryMs, signal)
  return false
}

/** Builds what is missing or of another version while everything else goes on. */
async function build ({ context, signal }: Term, projections: Projection[]): Promise<void> {
  const { pool, log, logger, status } = context
  const names = projections.map(({ name }) => name)
  logger.info({ names }, 'rebuilding')
  try {
    await rebuild({
      pool,
      log,
      projections,
      signal,
      onProgress: ({ events }) => {
        status.rebuilding = Object.fromEntries(names.map((name) => [name, events.toString()]))
      },
      onRetry: (err) => { logger.warn({ err, names }, 'the rebuild is interrupted') }
    })
    status.contradiction = undefined
    logger.info({ names }, 'rebuilt')
  } catch (err) {
    // Readers keep what they have; only people can tell what happened to the log.
    if (isLedgerError(err, 'CONTRADICTION')) await refuse(context, err, signal)
    else if (!signal.aborted) throw err
  } finally {
    status.rebuilding = {}
  }
}

/** Says that a rebuild must not go live, and waits before it is tried again. */
async function refuse (
  { logger, status }: RunnerContext, err: Error, signal: AbortSignal
): Promise<void> {
  logger.error({ err }, 'the rebuilt rows are refused')
  status.contradiction = err.message
  await pause(CONTRADICTION_RETRY_MS, signal)
}

/**
 * Renews the lease and shows the status; looks after what no batch would notice. The log is asked
 * beside that: it may be long in answering, and the lease must not wait for it.
 */
async function beat (term: Term): Promise<void> {
  const { context: { pool, heartbeatMs, status, projections }, fence, signal, fail } = term
  let looking: Promise<void> | undefined
  for (let count = 1; ; count++) {
    await pause(heartbeatMs, signal)
    if (signal.aborted) return
    await renewLease(pool, fence)
    looking ??= lookAhead(term).catch(fail).finally(() => { looking = undefined })
    await writeStatus(pool, status)
    if (count % CARE_EVERY_HEARTBEATS !== 0) continue
    await dropRetired(pool)
    if (await isDamaged(pool, projections)) term.round.abort()
  }
}

/** The log's head, unknown while it is away. A head before the rows ends the round. */
async function lookAhead ({ context: { log, status }, round }: Term): Promise<void> {
  const { position } = status
  try {
    const head = (await log.head())?.commit
    const isCut = position !== undefined && (head ?? -1n) < position
    // What was applied while the log was asked is in it as well.
    status.head = isCut ? head : laterOf(head, status.position)
    if (isCut) round.abort()
  } catch (err) {
    if (!isLedgerError(err, 'LOG_UNAVAILABLE')) throw err
    status.head = undefined
  }
}

/** The promise, or the signal's reason once it is aborted: a log that hangs holds up no stop. */
async function abortable<T> (promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise((resolve, reject) => {
    const abort = (): void => { reject(signal.reason) }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    promise.then(resolve, reject).finally(() => { signal.removeEventListener('abort', abort) })
  })
}

async function pause (ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}

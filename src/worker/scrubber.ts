import { setTimeout as sleep } from 'node:timers/promises'
import { isLedgerError } from '../errors.ts'
import type { Log } from '../ledger/log.ts'
import type { Logger } from '../log.ts'
import { codeOf, isUnavailable } from '../postgres/errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { noFault, type Fault } from './fault.ts'
import { Inconsistency, recordInconsistency } from './inconsistency.ts'
import { livePosition } from './live-position.ts'
import { scrubNext, scrubRest } from './scrub-step.ts'
import {
  endPass, isKnown, readScrub, saveStep, standing, type TenantFinding
} from './scrub-store.ts'
import type { ScrubbingStatus } from './status.ts'

export interface ScrubberOptions {
  /** As ledger_worker. */
  pool: Pool
  log: Log
  logger: Logger
  /** Milliseconds since 1970. */
  now: () => number
  newId: () => string
  /** Whether this process projects: one scrubber is enough. */
  isActive: () => boolean
  onStatus: (status: ScrubbingStatus) => void
  /** How long a pass over the whole log may take. */
  passMs: number
  /** Events that are compared at once. */
  eventsMax?: number | undefined
  /** Longest pause between two steps: a small log is read again more often than it must be. */
  pauseMaxMs?: number | undefined
  retryMs?: number | undefined
  fault?: Fault | undefined
}

export interface Scrubber {
  /** Re-reads the log again and again until the signal aborts. Throws for a bug only. */
  run (signal: AbortSignal): Promise<void>
}

const EVENTS_MAX = 500
const PAUSE_MAX_MS = 60_000
const RETRY_MS = 5_000

/**
 * Re-reads the log, a little at a time, and compares it with the rows and with what was signed.
 * Where it has come to is kept, so that a restart goes on; what it finds is a state of the worker,
 * an event once, and stands until the same place is found in order.
 */
export function createScrubber (given: ScrubberOptions): Scrubber {
  const options = { ...given, fault: given.fault ?? noFault }
  const { retryMs = RETRY_MS, isActive, logger } = options
  return {
    async run (signal) {
      while (!signal.aborted) {
        let waitMs = retryMs
        try {
          if (isActive()) waitMs = await step(options)
        } catch (err) {
          if (signal.aborted) break
          if (!isPassing(err)) throw err
          logger.warn({ err }, 'the log is not re-read; trying again')
        }
        await sleep(waitMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}

type Context = ScrubberOptions & { fault: Fault }

/** One step; how long to wait before the next one. */
async function step (options: Context): Promise<number> {
  const { pool, log, fault, eventsMax = EVENTS_MAX, pauseMaxMs = PAUSE_MAX_MS } = options
  const until = await livePosition(pool)
  if (until === undefined) return pauseMaxMs
  const from = await readScrub(pool)
  const given = { pool, log, until, eventsMax }
  const next = await scrubNext(given, from)
  const findings = next?.findings ?? await scrubRest(given, from)
  await fault('compared')
  await record(options, findings)
  await fault('recorded')
  if (next === undefined) await endPass(pool, { from, findings })
  else await saveStep(pool, next)
  await fault('saved')
  const total = await totalEvents(pool)
  await tell(options, total)
  if (next === undefined) return pauseMaxMs
  return Math.min(pauseMaxMs, options.passMs * next.events / Math.max(total, next.events))
}

/** What is found for the first time is told, and is an event of the tenant's history. */
async function record (
  { pool, log, logger, now, newId }: Context, findings: readonly TenantFinding[]
): Promise<void> {
  for (const finding of findings) {
    if (await isKnown(pool, finding)) continue
    const { tenant, kind, message, index } = finding
    logger.error({ tenant, kind, index: index.toString(), reason: message },
      'the log and the rows differ')
    await recordInconsistency(log, new Inconsistency(tenant, kind, message, index),
      { finder: 'scrubber', id: newId(), now: now() })
  }
}

async function tell ({ pool, onStatus }: Context, total: number): Promise<void> {
  const [{ pass, events }, { count, first }] = await Promise.all([readScrub(pool), standing(pool)])
  const share = total === 0 ? 0 : Math.min(1, Number(events) / total)
  onStatus({ pass: Number(pass), share, findings: count, problem: first })
}

async function totalEvents (pool: Pool): Promise<number> {
  const { rows: [row] } = await pool.query<{ events: bigint }>(
    "select events from control.projection where name = 'merkle' and state = 'live'")
  return Number(row?.events ?? 0n)
}

/** Views or tables that are gone for a moment come back with the next generation. */
function isPassing (err: unknown): boolean {
  return isLedgerError(err, 'LOG_UNAVAILABLE') || isLedgerError(err, 'CHECKPOINT_MOVED') ||
    isUnavailable(err) || codeOf(err) !== ''
}

import { isLedgerError } from '../errors.ts'
import type { Log } from '../ledger/log.ts'
import type { Logger } from '../log.ts'
import { codeOf, isUnavailable } from '../postgres/errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { Alarm } from './alarm.ts'
import { noFault, type Fault } from './fault.ts'
import { recordInconsistency, type Inconsistency } from './inconsistency.ts'
import { livePosition } from './live-position.ts'
import { SealSession, type SessionOptions } from './seal-session.ts'
import type { LastHead } from './sealed-tree.ts'
import type { SealingKeys } from './sealing-key.ts'
import type { SealingStatus } from './status.ts'

export interface SealerOptions {
  /** As ledger_worker, pipelined. */
  pool: Pool
  log: Log
  /** The ledger's name: origins of checkpoints are `<name>/<tenant>`. */
  name: string
  keys: SealingKeys
  logger: Logger
  /** Milliseconds since 1970. */
  now: () => number
  newId: () => string
  /** Whether this process projects: others would only be in each other's way. */
  isActive: () => boolean
  onStatus: (status: SealingStatus) => void
  /** Told of each tree's last checkpoint: that which is found, and each that is signed. */
  onHead?: ((tenant: string, head: LastHead) => void) | undefined
  /** How often it is looked for new leaves, if nobody tells of any. */
  intervalMs?: number | undefined
  idleMs?: number | undefined
  /** After a failure, and while something is away. */
  retryMs?: number | undefined
  /** A tree that was refused is looked at again after so long. */
  refusedMs?: number | undefined
  fault?: Fault | undefined
}

export interface Sealer {
  /**
   * Signs what is new until the signal is aborted; waits for whatever is away. Throws for a bug
   * only.
   */
  run (signal: AbortSignal): Promise<void>
  /** Tells that there may be new leaves. */
  wake (): void
}

const INTERVAL_MS = 1_000
/** A busy tree is signed so often and no more: each checkpoint stays in the log for ever. */
const SPACING_MS = 250
/** Between rounds that signed nothing. */
const PAUSE_MS = 20
const IDLE_MS = 3_600_000
const RETRY_MS = 1_000
const REFUSED_MS = 60_000

interface Refusal {
  message: string
  until: number
}

/** A sealer; any number may run, they cannot disagree. */
export function createSealer (options: SealerOptions): Sealer {
  const refusals = new Map<string, Refusal>()
  const alarm = new Alarm()
  return {
    run: async (signal) => { await run(options, refusals, { alarm, signal }) },
    wake: () => { alarm.ring() }
  }
}

async function run (
  options: SealerOptions, refusals: Map<string, Refusal>,
  { alarm, signal }: { alarm: Alarm, signal: AbortSignal }
): Promise<void> {
  const { intervalMs = INTERVAL_MS, retryMs = RETRY_MS, isActive, logger } = options
  const idle = { atLeastMs: Math.min(PAUSE_MS, intervalMs), atMostMs: intervalMs }
  const busy = { atLeastMs: Math.min(SPACING_MS, intervalMs), atMostMs: intervalMs }
  let session: SealSession | undefined
  while (!signal.aborted) {
    let waits = idle
    try {
      if (!isActive() || forgive(options, refusals)) session = undefined
      if (!isActive()) {
        await alarm.wait(idle, signal)
        continue
      }
      const next = await step(options, refusals, { session, signal })
      session = next.session
      if (next.signed) waits = busy
    } catch (err) {
      if (signal.aborted) break
      if (!isPassing(err)) throw err
      logger.warn({ err }, 'sealing begins again')
      session = undefined
      waits = { atLeastMs: retryMs, atMostMs: retryMs }
      tell(options, refusals, 'waiting')
    }
    await alarm.wait(waits, signal)
  }
}

/** One round; the session that goes on from it, and whether anything was signed. */
async function step (
  options: SealerOptions, refusals: Map<string, Refusal>,
  { session, signal }: { session: SealSession | undefined, signal: AbortSignal }
): Promise<{ session: SealSession | undefined, signed: boolean }> {
  const projected = await livePosition(options.pool)
  if (projected === undefined) return { session: undefined, signed: false }
  let current = session
  if (current === undefined) {
    current = new SealSession(sessionOptions(options, refusals, signal))
    await current.begin(projected)
  }
  const signed = await current.round(projected)
  tell(options, refusals, 'sealing')
  return { session: current, signed }
}

function sessionOptions (
  options: SealerOptions, refusals: Map<string, Refusal>, signal: AbortSignal
): SessionOptions {
  const { keys, logger, log, now, newId, refusedMs = REFUSED_MS, idleMs = IDLE_MS } = options
  return {
    ...options,
    idleMs,
    fault: options.fault ?? noFault,
    signal,
    signers: async (origin) => await keys.signers(origin),
    isRefused: (tenant) => refusals.has(tenant),
    refuse: async (found: Inconsistency) => {
      const { tenant, kind, index, message } = found
      refusals.set(tenant, { message: `${tenant}: ${message}`, until: now() + refusedMs })
      logger.error({ tenant, kind, index: index?.toString(), reason: message },
        'the tree is inconsistent: nothing is signed')
      tell(options, refusals, 'sealing')
      await recordInconsistency(log, found, { finder: 'sealer', id: newId(), now: now() })
    }
  }
}

/** Forgets refusals that are due to be looked at again; whether there were any. */
function forgive ({ now }: SealerOptions, refusals: Map<string, Refusal>): boolean {
  const due = [...refusals].filter(([, { until }]) => until <= now())
  for (const [tenant] of due) refusals.delete(tenant)
  return due.length > 0
}

function tell (
  { onStatus }: SealerOptions, refusals: ReadonlyMap<string, Refusal>,
  state: 'sealing' | 'waiting'
): void {
  const [first] = refusals.values()
  onStatus({
    state: first === undefined ? state : 'inconsistent',
    problem: first?.message,
    refused: refusals.size
  })
}

/** Views or tables that are gone for a moment come back with the next generation. */
function isPassing (err: unknown): boolean {
  return isLedgerError(err, 'LOG_UNAVAILABLE') || isLedgerError(err, 'CHECKPOINT_MOVED') ||
    isLedgerError(err, 'LAGGING') || isLedgerError(err, 'SEALING_KEY_INVALID') ||
    isUnavailable(err) || codeOf(err) !== ''
}

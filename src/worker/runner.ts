import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Projection } from '../../projections/projection.ts'
import { isLedgerError } from '../errors.ts'
import type { Log } from '../ledger/log.ts'
import type { Logger } from '../log.ts'
import { codeOf, isUnavailable } from '../postgres/errors.ts'
import type { Pool } from '../postgres/pool.ts'
import type { Fault } from './fault.ts'
import { acquireLease, releaseLease } from './lease.ts'
import {
  initialStatus, writeStatus, type SealingStatus, type WorkerState, type WorkerStatus
} from './status.ts'
import { serveTerm } from './term.ts'

export interface RunnerOptions {
  /** As ledger_worker, pipelined, at least 3 connections. */
  pool: Pool
  log: Log
  projections: readonly Projection[]
  logger: Logger
  /** Milliseconds since 1970, for lag only. */
  now: () => number
  /** How this process is called in `control.runner`; host, process id and chance if left out. */
  holder?: string | undefined
  /** A holder silent for so long is taken for gone. */
  leaseMs?: number | undefined
  /** How often an active runner renews its lease and shows its status. */
  heartbeatMs?: number | undefined
  /** How often what is not in order is looked at again. */
  retryMs?: number | undefined
  /** Told when rows of a batch have become visible. Must not throw. */
  onApplied?: (() => void) | undefined
  fault?: Fault | undefined
}

/** The options with nothing left open, and the status that all parts of a runner write to. */
export interface RunnerContext
  extends Omit<RunnerOptions, 'holder' | 'leaseMs' | 'heartbeatMs' | 'retryMs'> {
  holder: string
  leaseMs: number
  heartbeatMs: number
  retryMs: number
  status: WorkerStatus
}

export interface Runner {
  /**
   * Feeds the projections until the signal is aborted; resolves then. Waits for a database, a log
   * or another runner that is in the way, for as long as it takes. Throws for a bug only.
   */
  run (signal: AbortSignal): Promise<void>
  status (): Readonly<WorkerStatus>
  /** What the sealer of this process says, to be shown with the rest. */
  sealing (said: SealingStatus): void
  /** The same of its other parts. */
  report (said: Partial<Reported>): void
}

/** What parts of the process beside the runner say of themselves. */
type Reported = Pick<WorkerStatus, 'witnessing' | 'scrubbing'>

const LEASE_MS = 5_000
const HEARTBEAT_MS = 1_000
const RETRY_MS = 1_000

/** A runner; any number may run, one is active and the others stand by. */
export function createRunner (options: RunnerOptions): Runner {
  const holder = options.holder ?? `${hostname()}:${process.pid}:${randomUUID()}`
  const context: RunnerContext = {
    ...options,
    holder,
    leaseMs: options.leaseMs ?? LEASE_MS,
    heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    retryMs: options.retryMs ?? RETRY_MS,
    status: initialStatus(holder)
  }
  return {
    run: async (signal) => { await run(context, signal) },
    status: () => ({ ...context.status }),
    sealing: (said) => { context.status.sealing = said },
    report: (said) => { Object.assign(context.status, said) }
  }
}

async function run (context: RunnerContext, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted) await tryTerm(context, signal)
  } finally {
    context.status.state = 'stopped'
  }
}

async function tryTerm (context: RunnerContext, signal: AbortSignal): Promise<void> {
  const { pool, logger, status, holder, leaseMs } = context
  try {
    const fence = await acquireLease(pool, holder, leaseMs)
    if (fence === undefined) await pause(context, 'standby', undefined, signal)
    else await serve(context, fence, signal)
  } catch (err) {
    if (!isPassing(err)) throw err
    if (isLedgerError(err, 'FENCED')) {
      logger.warn({ fence: status.fence }, 'another runner took over')
    } else {
      logger.error({ err }, 'the database cannot be used; trying again')
      await pause(context, 'waiting-for-database', messageOf(err), signal)
    }
  }
}

async function pause (
  { status, retryMs }: RunnerContext, state: WorkerState, reason: string | undefined,
  signal: AbortSignal
): Promise<void> {
  Object.assign(status, { state, reason, fence: undefined })
  await sleep(retryMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
}

async function serve (context: RunnerContext, fence: bigint, signal: AbortSignal): Promise<void> {
  const { pool, logger, status } = context
  Object.assign(status, { state: 'starting', reason: undefined, fence })
  logger.info({ fence }, 'this runner is active')
  await serveTerm(context, fence, signal)
  Object.assign(status, { state: 'stopped', reason: undefined })
  await writeStatus(pool, status)
  await releaseLease(pool, fence)
}

/** Whatever Postgres says passes or is put right by somebody; everything else is a bug. */
function isPassing (err: unknown): boolean {
  return isLedgerError(err, 'FENCED') || isUnavailable(err) || codeOf(err) !== ''
}

function messageOf (err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}

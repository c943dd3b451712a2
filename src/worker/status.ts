import type { Pool } from '../postgres/pool.ts'

export type WorkerState =
  | 'starting' | 'catching-up' | 'live' | 'waiting-for-log' | 'waiting-for-database' | 'standby'
  | 'log-regression' | 'stopped'

/** What a runner says of itself; the same that `control.worker_state` shows while it is active. */
export interface WorkerStatus {
  state: WorkerState
  /** What is wrong, in words, or undefined. */
  reason: string | undefined
  holder: string
  fence: bigint | undefined
  /** Commit position of the last applied event. */
  position: bigint | undefined
  /** Commit position of the log's last event, as far as known. */
  head: bigint | undefined
  /** Events not applied yet: known to be 0 when caught up, otherwise undefined. */
  lagEvents: number | undefined
  /** Age of the last applied event when there are later ones, 0 when caught up. */
  lagMs: number | undefined
  /** What is being built beside: name and events so far. */
  rebuilding: Readonly<Record<string, string>>
  /** Why rebuilt rows are kept from readers, or undefined. */
  contradiction: string | undefined
  /** What the sealer says; undefined: this process has none, or it has not looked yet. */
  sealing: SealingStatus | undefined
  /** What witnesses say; undefined: none are configured. */
  witnessing: WitnessingStatus | undefined
  /** What re-reading the log has found; undefined: this process does not. */
  scrubbing: ScrubbingStatus | undefined
  events: number
  batches: number
  /** Batches of this process that the fence kept out. */
  fenceRejections: number
}

/** How sealing goes. */
export interface SealingStatus {
  /** `waiting`: something is away. `inconsistent`: at least one tree is refused. */
  state: 'sealing' | 'waiting' | 'inconsistent'
  /** In words, or undefined. */
  problem: string | undefined
  /** Tenants whose tree is refused. */
  refused: number
}

/** How collecting cosignatures goes. */
export interface WitnessingStatus {
  /** How many are configured. */
  witnesses: number
  /** Names of those that do not answer, or refuse. */
  away: readonly string[]
  /** Tenants whose tree is not the one that a witness has seen. */
  contradicted: number
  /** In words, or undefined. */
  problem: string | undefined
}

/** How re-reading the log goes. */
export interface ScrubbingStatus {
  /** Passes are counted from 1. */
  pass: number
  /** How much of the log this pass has compared, from 0 to 1. */
  share: number
  /** Places at which the rows are not what the log has, or was signed. */
  findings: number
  /** The first of them in words, or undefined. */
  problem: string | undefined
}

export function initialStatus (holder: string): WorkerStatus {
  return {
    state: 'starting',
    reason: undefined,
    holder,
    fence: undefined,
    position: undefined,
    head: undefined,
    lagEvents: undefined,
    lagMs: undefined,
    rebuilding: {},
    contradiction: undefined,
    sealing: undefined,
    witnessing: undefined,
    scrubbing: undefined,
    events: 0,
    batches: 0,
    fenceRejections: 0
  }
}

/** The `detail` column: everything that has no column of its own. JSON, no 64-bit numbers. */
export function detailOf (status: WorkerStatus): Record<string, unknown> {
  const { reason, holder, fence, position, lagEvents, lagMs, rebuilding } = status
  const { contradiction, sealing, witnessing, scrubbing } = status
  return {
    reason,
    holder,
    fence: fence?.toString(),
    position: position?.toString(),
    lagEvents,
    lagMs,
    rebuilding,
    contradiction,
    sealing,
    witnessing,
    scrubbing
  }
}

/** The later of two positions, of which either may be unknown. */
export function laterOf (one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one
}

/** Shows the status to other processes; nothing is written once another runner took over. */
export async function writeStatus (pool: Pool, status: WorkerStatus): Promise<void> {
  await pool.query(`
    update control.worker_state set state = $2, detail = $3,
      head_commit = coalesce($4, head_commit), updated_at = clock_timestamp()
    where id = 1 and exists (select from control.runner where id = 1 and fence = $1)`,
  [status.fence, status.state, JSON.stringify(detailOf(status)), status.head])
}

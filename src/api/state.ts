import type { ProjectionView, WorkerView } from '../../schemas/http/projections.ts'
import type { Log } from '../ledger/log.ts'
import type { Pool } from '../postgres/pool.ts'

/** How far the read models are, as the database and the log say now. */
export interface LedgerState {
  projections: ProjectionView[]
  worker: WorkerView
  parked: number
  /** Tenants for whose tree nothing is signed, as it is inconsistent. */
  refused: number
  /** Whether rebuilt rows were kept from readers, as they are not what was signed. */
  contradiction: boolean
  /** How many witnesses there are, and are away; trees that one of them contradicts. */
  witnesses: number
  witnessesAway: number
  contradicted: number
  /** Places at which re-reading the log found something else, and how far it has come (0 to 1). */
  scrubFindings: number
  scrubShare: number
  /** The last position of the log, undefined while it is empty. */
  head: bigint | undefined
  /** The largest lag of a live projection; 0 when nothing was ever appended. */
  lag: bigint
}

interface ProjectionRow {
  name: string
  version: number
  generation: bigint
  state: 'live' | 'building'
  position: bigint | null
  events: bigint
  updatedAt: Date
}

interface WorkerRow {
  state: string
  updatedAt: Date
  silent: number
  reason: string | null
  parked: bigint
  refused: number
  contradiction: boolean
  witnesses: number
  witnessesAway: number
  contradicted: number
  scrubFindings: number
  scrubShare: number
}

/** The worker's own word for a log that lost events which were projected. */
export const LOG_REGRESSION_STATE = 'log-regression'

/** What the worker said last of its state. */
export async function readWorkerState (pool: Pool): Promise<string> {
  const { rows: [row] } = await pool.query<{ state: string }>(
    'select state from control.worker_state')
  return row?.state ?? 'unknown'
}

/** Asks both; throws what they throw. */
export async function readState (pool: Pool, log: Log): Promise<LedgerState> {
  // Reads may only be ahead of a head that was taken later, so the lag is never negative twice.
  const [rows, worker] = await Promise.all([readProjections(pool), readWorker(pool)])
  const head = (await log.head())?.commit
  const projections = rows.map((row) => viewOf(row, head))
  const lags = rows.filter(({ state }) => state === 'live').map((row) => lagOf(row, head))
  return {
    projections,
    worker: {
      state: worker.state,
      updatedAt: worker.updatedAt.toISOString(),
      silentSeconds: worker.silent,
      ...(worker.reason === null ? {} : { reason: worker.reason })
    },
    parked: Number(worker.parked),
    refused: worker.refused,
    contradiction: worker.contradiction,
    witnesses: worker.witnesses,
    witnessesAway: worker.witnessesAway,
    contradicted: worker.contradicted,
    scrubFindings: worker.scrubFindings,
    scrubShare: worker.scrubShare,
    head,
    lag: lags.reduce((most, lag) => lag > most ? lag : most, 0n)
  }
}

async function readProjections (pool: Pool): Promise<ProjectionRow[]> {
  const { rows } = await pool.query<ProjectionRow>(
    `select name, version, generation, state, commit_position as position, events,
       updated_at as "updatedAt"
     from control.projection where state <> 'retired' order by name, generation`)
  return rows
}

async function readWorker (pool: Pool): Promise<WorkerRow> {
  const { rows: [row] } = await pool.query<WorkerRow>(
    `select state, updated_at as "updatedAt", control.parked_count() as parked,
       extract(epoch from now() - updated_at)::float8 as silent, detail ->> 'reason' as reason,
       coalesce((detail -> 'sealing' ->> 'refused')::integer, 0) as refused,
       detail ->> 'contradiction' is not null as contradiction,
       coalesce((detail -> 'witnessing' ->> 'witnesses')::integer, 0) as witnesses,
       coalesce(jsonb_array_length(detail -> 'witnessing' -> 'away'), 0) as "witnessesAway",
       coalesce((detail -> 'witnessing' ->> 'contradicted')::integer, 0) as contradicted,
       coalesce((detail -> 'scrubbing' ->> 'findings')::integer, 0) as "scrubFindings",
       coalesce((detail -> 'scrubbing' ->> 'share')::float8, 0) as "scrubShare"
     from control.worker_state`)
  const unknown = { state: 'unknown', updatedAt: new Date(0), silent: Infinity, reason: null }
  const nothing = {
    refused: 0, witnesses: 0, witnessesAway: 0, contradicted: 0, scrubFindings: 0, scrubShare: 0
  }
  return row ?? { ...unknown, ...nothing, parked: 0n, contradiction: false }
}

function viewOf (row: ProjectionRow, head: bigint | undefined): ProjectionView {
  return {
    name: row.name,
    version: row.version,
    generation: Number(row.generation),
    state: row.state,
    position: row.position === null ? null : String(row.position),
    lag: String(lagOf(row, head)),
    events: Number(row.events),
    updatedAt: row.updatedAt.toISOString()
  }
}

function lagOf ({ position }: ProjectionRow, head: bigint | undefined): bigint {
  if (head === undefined) return 0n
  const lag = head - (position ?? 0n)
  return lag > 0n ? lag : 0n
}

import type { Projection } from '../../projections/projection.ts'
import { LedgerError } from '../errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction, type Tx } from '../postgres/transaction.ts'
import { checkpointOf, type Checkpoint } from './checkpoint.ts'
import { noFault, type Fault } from './fault.ts'
import type { Item } from './item.ts'
import { openBatch } from './lease.ts'
import { searchPath, writeRows, type Target } from './rows.ts'

/** What every batch of one term of a runner has in common. */
export interface BatchContext {
  pool: Pool
  fence: bigint
  /** Every projection that is live in the version of this program. */
  live: readonly Target[]
  /** All projections of this program, live or not yet. */
  projections: readonly Projection[]
  fault?: Fault | undefined
}

/** What the batch says of the worker, beside its rows. */
export interface BatchState {
  state: string
  detail: Readonly<Record<string, unknown>>
}

/** Postgres channel on which the commit position of every applied batch is told. */
export const PROGRESS_CHANNEL = 'ledger_progress'

const MOVE = {
  name: 'move_checkpoints',
  text: `
    with moved as (
      update control.projection p set
        commit_position = $3, prepare_position = $4, stream = $5, revision = $6, event_id = $7,
        events = p.events + $8, updated_at = clock_timestamp()
      from unnest($1::text[], $2::bigint[]) as live (name, generation)
      where p.name = live.name and p.generation = live.generation and p.state = 'live'
        and p.commit_position is not distinct from $9
        and p.prepare_position is not distinct from $10
      returning 1),
    renewed as (
      update control.runner set renewed_at = clock_timestamp() where id = 1),
    said as (
      update control.worker_state set state = $11, detail = $12,
        head_commit = greatest(head_commit, $3), updated_at = clock_timestamp()
      where id = 1)
    select (select count(*) from moved) as moved,
      (select count(*)
        from control.projection p
        join unnest($13::text[], $14::integer[]) as known (name, version)
          on known.name = p.name and known.version = p.version
        where p.state = 'live') as live,
      pg_notify('${PROGRESS_CHANNEL}', $3::bigint::text)`
}

/**
 * Applies consecutive events after `from` in one transaction: rows of every live projection,
 * parked events, checkpoints and the worker's state become visible together, or not at all.
 * Throws FENCED when another worker has taken over, CHECKPOINT_MOVED when the checkpoints are not
 * at `from` or a projection went live or was switched: load the generations again.
 */
export async function applyBatch (
  context: BatchContext, from: Checkpoint | undefined, items: readonly Item[], said: BatchState
): Promise<Checkpoint | undefined> {
  const { pool, fault = noFault } = context
  const last = items.at(-1)
  if (last === undefined) return from
  const to = checkpointOf(last.recorded)
  await inTransaction(pool, async (tx) => {
    await fault('begin')
    const events = await openAndWrite(tx, context, items)
    await fault('rows')
    await move(tx, context, { from, to, events, said })
    await fault('checkpoint')
  })
  await fault('commit')
  return to
}

/**
 * The rows are sent without waiting for the answer to the opening statement. Both are waited for;
 * of two errors the first counts: what follows a failed statement fails of itself.
 */
async function openAndWrite (
  tx: Tx, { fence, live, fault }: BatchContext, items: readonly Item[]
): Promise<number> {
  const opening = openBatch(tx, fence, searchPath(live))
  if (fault !== undefined) await opening
  const [opened, written] = await Promise.allSettled([opening, writeRows(tx, live, items, fault)])
  if (opened.status === 'rejected') throw opened.reason
  if (written.status === 'rejected') throw written.reason
  return written.value
}

interface Move {
  from: Checkpoint | undefined
  to: Checkpoint
  events: number
  said: BatchState
}

async function move (
  tx: Tx, { live, projections }: BatchContext, { from, to, events, said }: Move
): Promise<void> {
  const { rows: [row] } = await tx.query<{ moved: bigint, live: bigint }>(MOVE, [
    live.map(({ generation }) => generation.name),
    live.map(({ generation }) => generation.generation),
    to.commit, to.prepare, to.stream, to.revision, to.id, events,
    from?.commit ?? null, from?.prepare ?? null, said.state, JSON.stringify(said.detail),
    projections.map(({ name }) => name), projections.map(({ version }) => version)
  ])
  const expected = BigInt(live.length)
  if (row?.moved !== expected || row.live !== expected) {
    throw new LedgerError('CHECKPOINT_MOVED', `checkpoints are not at ${from?.commit ?? 'start'}`)
  }
}

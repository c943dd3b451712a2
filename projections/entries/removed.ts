import type { Tx } from '../projection.ts'
import type { Until } from './filter.ts'

/** An event whose rows a retention run removed: where the log has it, and what run it was. */
export interface RemovedEntry {
  id: string
  stream: string
  revision: bigint
  position: bigint
  /** The event of the run. */
  run: string
  policy: string
  /** RFC 3339. */
  removedAt: string
}

const FIND = {
  name: 'find_removed_entry',
  text: `
    select r.id, r.stream, r.revision, r.position, run.id as run, run.entity_key as policy,
      to_char(run.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "removedAt"
    from read.removed_entry r
    join read.entry run on run.tenant = r.tenant and run.position = r.run
    where r.id = $1::uuid order by r.position limit 1`
}

/** What was removed under this id (a lower-case UUID), undefined if nothing was. */
export async function findRemoved (tx: Tx, id: string): Promise<RemovedEntry | undefined> {
  const { rows: [row] } = await tx.query<RemovedEntry>(FIND, [id])
  return row
}

/**
 * How many events of a stream were removed up to a moment. When they happened by the producers'
 * clocks nobody can tell any more, so by these all count.
 */
export async function countRemoved (tx: Tx, stream: string, until: Until): Promise<number> {
  const { rows: [row] } = await tx.query<{ count: bigint }>(`
    select count(*) as count from read.removed_entry r
    where r.stream = $1 and ($2::bigint is null or r.revision <= $2)
      and ($3::bigint is null or r.position <= $3)
      and ($4::timestamptz is null or r.recorded_at <= $4)`,
  [stream, until.revision ?? null, until.position ?? null, until.recordedAt ?? null])
  return Number(row?.count ?? 0)
}

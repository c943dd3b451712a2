import { bigintColumn, textColumn } from '../../projections/columns.ts'
import { LedgerError } from '../errors.ts'
import type { LogPosition } from '../ledger/log.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction, type Tx } from '../postgres/transaction.ts'
import { EMPTY_FRONTIER } from '../proof/merkle.ts'
import { splitHashes } from '../proof/tiles.ts'
import type { ScrubFinding, ScrubTree } from './scrub-compare.ts'

/** Where the scrubber is. */
export interface ScrubState {
  /** Passes are counted from 1. */
  pass: bigint
  /** The last event that was compared in this pass; undefined: it begins. */
  at: LogPosition | undefined
  /** Events that this pass has compared. */
  events: bigint
}

/** A finding, and whose. */
export interface TenantFinding extends ScrubFinding {
  tenant: string
}

/** What one step came to, for all tenants that it was about. */
export interface ScrubStep {
  from: ScrubState
  to: LogPosition
  events: number
  trees: ReadonlyMap<string, ScrubTree>
  findings: readonly TenantFinding[]
}

interface StateRow {
  pass: bigint
  commit_position: bigint | null
  prepare_position: bigint | null
  events: bigint
}

/** Where the last step ended, of whichever process. */
export async function readScrub (pool: Pool): Promise<ScrubState> {
  const { rows: [row] } = await pool.query<StateRow>(
    'select pass, commit_position, prepare_position, events from control.scrub')
  const { pass = 1n, commit_position: commit = null, prepare_position: prepare = null } = row ?? {}
  const at = commit === null || prepare === null ? undefined : { commit, prepare }
  return { pass, at, events: row?.events ?? 0n }
}

/** The trees of these tenants as far as this pass has come; empty ones where it has not begun. */
export async function readScrubTrees (
  pool: Pool, tenants: readonly string[]
): Promise<Map<string, ScrubTree>> {
  const { rows } = await pool.query<{ tenant: string, size: bigint, frontier: Buffer | null }>(
    'select tenant, size, frontier from control.scrub_tree where tenant = any($1::text[])',
    [textColumn(tenants)])
  const trees = new Map<string, ScrubTree>(tenants.map((tenant) =>
    [tenant, { size: 0n, frontier: EMPTY_FRONTIER }]))
  for (const { tenant, size, frontier } of rows) {
    const nodes = frontier === null ? undefined : splitHashes(frontier)
    trees.set(tenant, { size, frontier: nodes && { size, nodes } })
  }
  return trees
}

/** Which of the findings are known from an earlier look at the same place. */
export async function isKnown (
  pool: Pool, { tenant, position, kind }: TenantFinding
): Promise<boolean> {
  const { rowCount } = await pool.query(
    'select from control.scrub_finding where tenant = $1 and position = $2 and kind = $3',
    [tenant, position, kind])
  return rowCount !== 0
}

/** How many differences stand, and the first in words. */
export async function standing (
  pool: Pool
): Promise<{ count: number, first: string | undefined }> {
  const { rows: [row] } = await pool.query<{ count: bigint, first: string | null }>(`
    select count(*) as count, min(tenant || ': ' || message) as first from control.scrub_finding`)
  return { count: Number(row?.count ?? 0n), first: row?.first ?? undefined }
}

/**
 * Keeps what a step came to, and forgets what was found earlier at places that are in order now.
 * Throws CHECKPOINT_MOVED if another process scrubs as well.
 */
export async function saveStep (pool: Pool, step: ScrubStep): Promise<void> {
  const { from, to, events, trees, findings } = step
  await inTransaction(pool, async (tx) => {
    await move(tx, `update control.scrub
      set commit_position = $3, prepare_position = $4, events = events + $5
      where pass = $1 and commit_position is not distinct from $2`,
    [from.pass, from.at?.commit ?? null, to.commit, to.prepare, events])
    await keepTrees(tx, trees)
    await tx.query(`
      delete from control.scrub_finding
      where tenant = any($1::text[]) and position > $2 and position <= $3`,
    [textColumn([...trees.keys()]), from.at?.commit ?? -1n, to.commit])
    await keepFindings(tx, from.pass, findings)
  })
}

/** Ends a pass: the next one begins at the start of the log. */
export async function endPass (
  pool: Pool, { from, findings }: Pick<ScrubStep, 'from' | 'findings'>
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await move(tx, `update control.scrub
      set pass = pass + 1, commit_position = null, prepare_position = null, events = 0,
        finished_at = now()
      where pass = $1 and commit_position is not distinct from $2`,
    [from.pass, from.at?.commit ?? null])
    await tx.query('delete from control.scrub_tree')
    await keepFindings(tx, from.pass, findings)
    // What the whole pass did not find again is in order now.
    await tx.query('delete from control.scrub_finding where pass < $1', [from.pass])
  })
}

/** The present pass begins anew: its place is one of a log that is no longer there. */
export async function forgetPass (tx: Tx): Promise<void> {
  await tx.query(`update control.scrub
    set pass = pass + 1, commit_position = null, prepare_position = null, events = 0`)
  await tx.query('delete from control.scrub_tree')
  await tx.query('delete from control.scrub_finding')
}

async function move (tx: Tx, sql: string, values: unknown[]): Promise<void> {
  const { rowCount } = await tx.query(sql, values)
  if (rowCount !== 1) throw new LedgerError('CHECKPOINT_MOVED', 'another process scrubs as well')
}

async function keepTrees (tx: Tx, trees: ScrubStep['trees']): Promise<void> {
  const values = [...trees.values()]
  await tx.query(`
    insert into control.scrub_tree (tenant, size, frontier)
    select * from unnest($1::text[], $2::bigint[], $3::bytea[])
    on conflict (tenant) do update set size = excluded.size, frontier = excluded.frontier`, [
    textColumn([...trees.keys()]),
    bigintColumn(values.map(({ size }) => size)),
    values.map(({ frontier }) => frontier === undefined ? null : Buffer.concat(frontier.nodes))
  ])
}

async function keepFindings (
  tx: Tx, pass: bigint, findings: ScrubStep['findings']
): Promise<void> {
  for (const { tenant, position, kind, index, message } of findings) {
    await tx.query(`
      insert into control.scrub_finding (tenant, position, kind, index, message, pass)
      values ($1, $2, $3, $4, $5, $6)
      on conflict (tenant, position, kind) do update
        set index = excluded.index, message = excluded.message, pass = excluded.pass`,
    [tenant, position, kind, index, message, pass])
  }
}

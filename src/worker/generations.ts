import { readFile } from 'node:fs/promises'
import type { Projection } from '../../projections/projection.ts'
import { packageFile } from '../paths.ts'
import type { Tx } from '../postgres/transaction.ts'
import {
  CHECKPOINT_COLUMNS, readCheckpoint, type Checkpoint, type CheckpointRow
} from './checkpoint.ts'

/** The tables of a projection, built by one version of it: a Postgres schema of its own. */
export interface Generation {
  name: string
  generation: bigint
  version: number
  state: 'building' | 'live' | 'retired'
  schema: string
  checkpoint: Checkpoint | undefined
  events: bigint
}

/**
 * How long a switch waits for readers. Below the server's deadlock_timeout of a second: a reader
 * that holds one view and waits for another must get its way instead of an error.
 */
const SWITCH_LOCK_TIMEOUT_MS = 200

interface GenerationRow extends CheckpointRow {
  name: string
  generation: bigint
  version: number
  state: Generation['state']
  events: bigint
}

/** Every generation that there is, oldest first. */
export async function listGenerations (tx: Tx): Promise<Generation[]> {
  const { rows } = await tx.query<GenerationRow>(`
    select name, generation, version, state, events, ${CHECKPOINT_COLUMNS}
    from control.projection order by name, generation`)
  return rows.map((row) => ({
    name: row.name,
    generation: row.generation,
    version: row.version,
    state: row.state,
    schema: schemaOf(row),
    checkpoint: readCheckpoint(row),
    events: row.events
  }))
}

function schemaOf (
  { name, version, generation }: Pick<Generation, 'name' | 'version' | 'generation'>
): string {
  return `${name}_v${version}_g${generation}`
}

/** Makes empty tables for the projection, which nobody reads yet. */
export async function createGeneration (tx: Tx, projection: Projection): Promise<Generation> {
  const { name, version } = projection
  const { rows: [row] } = await tx.query<{ generation: bigint }>(`
    insert into control.projection (name, generation, version, state)
    select $1, coalesce(max(generation), 0) + 1, $2, 'building'
    from control.projection where name = $1
    returning generation`, [name, version])
  const generation = row?.generation ?? 0n
  const schema = schemaOf({ name, version, generation })
  await tx.query(`create schema ${schema}`)
  await tx.query(`set local search_path = ${schema}`)
  await tx.query(await readFile(packageFile(projection.tables), 'utf8'))
  await tx.query('select control.protect($1)', [schema])
  return { name, generation, version, state: 'building', schema, checkpoint: undefined, events: 0n }
}

/**
 * Makes readers see this generation, and no other of its projection, from the commit on. Waits
 * for readers of the old one for 200 ms, then throws SQLSTATE 55P03: try again.
 */
export async function goLive (
  tx: Tx, projection: Projection, { name, generation, schema }: Generation
): Promise<void> {
  await tx.query(`set local lock_timeout = ${SWITCH_LOCK_TIMEOUT_MS}`)
  await tx.query(`
    update control.projection set state = 'retired', updated_at = now()
    where name = $1 and state = 'live' and generation <> $2`, [name, generation])
  await tx.query(`
    update control.projection set state = 'live', updated_at = now()
    where name = $1 and generation = $2`, [name, generation])
  await createViews(tx, projection, schema)
}

/** The views of schema `read` over a generation's tables; row level security is the reader's. */
async function createViews (tx: Tx, { views }: Projection, schema: string): Promise<void> {
  for (const view of views) {
    await tx.query(`drop view if exists read.${view}`)
    await tx.query(`
      create view read.${view} with (security_invoker = true) as select * from ${schema}.${view}`)
    await tx.query(`grant select on read.${view} to ledger_api`)
  }
}

/** Which of the projection's tables and views are gone, of this generation. */
export async function missingParts (
  tx: Tx, { views }: Projection, { schema }: Generation
): Promise<{ tables: boolean, views: boolean }> {
  const { rows: [row] } = await tx.query<{ tables: boolean, views: boolean }>(`
    select coalesce(bool_or(to_regclass($1 || '.' || name) is null), false) as tables,
      coalesce(bool_or(to_regclass('read.' || name) is null), false) as views
    from unnest($2::text[]) as part (name)`, [schema, views])
  return row ?? { tables: false, views: false }
}

/** Shows the generation again after somebody dropped views or the whole of schema `read`. */
export async function repairViews (
  tx: Tx, projection: Projection, { schema }: Generation
): Promise<void> {
  await tx.query(`set local lock_timeout = ${SWITCH_LOCK_TIMEOUT_MS}`)
  const { rows: [row] } = await tx.query<{ missing: boolean }>(
    "select to_regnamespace('read') is null as missing")
  if (row?.missing === true) {
    await tx.query('create schema read')
    await tx.query('grant usage on schema read to ledger_api')
  }
  await createViews(tx, projection, schema)
}

/** Drops a generation that nobody reads any more: tables and record. */
export async function dropGeneration (
  tx: Tx, { name, generation, schema }: Generation
): Promise<void> {
  await tx.query(`set local lock_timeout = ${SWITCH_LOCK_TIMEOUT_MS}`)
  await tx.query(`drop schema if exists ${schema} cascade`)
  await tx.query(
    'delete from control.projection where name = $1 and generation = $2', [name, generation])
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Projection } from '../../projections/projection.ts'
import { isLedgerError, LedgerError } from '../errors.ts'
import type { Log, LogPosition } from '../ledger/log.ts'
import { codeOf, isUnavailable } from '../postgres/errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction, type Tx } from '../postgres/transaction.ts'
import {
  checkpointOf, compareCheckpoints, type Checkpoint
} from './checkpoint.ts'
import {
  createGeneration, dropGeneration, goLive, listGenerations, type Generation
} from './generations.ts'
import { applySplitting, refusesData, type Item } from './item.ts'
import { lockRunner } from './lease.ts'
import { findLosses, type Loss } from './loss.ts'
import { dropRetired } from './prepare.ts'
import { readBatches } from './read-batches.ts'
import { searchPath, writeRows, type Target } from './rows.ts'
import { forgetPass } from './scrub-store.ts'

export interface RebuildProgress {
  /** Events read and applied so far, those before a resumption included. */
  events: bigint
  /** Events that the live rows are made of, undefined if there are none. */
  total: bigint | undefined
  position: bigint | undefined
}

export interface RebuildOptions {
  /** As ledger_worker, pipelined. */
  pool: Pool
  log: Log
  /** Built together, by one reading of the log, and switched together. */
  projections: readonly Projection[]
  onProgress?: ((progress: RebuildProgress) => void) | undefined
  /** Told of every failure after which it is tried again. */
  onRetry?: ((err: unknown) => void) | undefined
  /**
   * Accepts that the log has lost its last events, and puts that on record: called before the
   * shorter rows go live, again if that fails. Without it such a log is a contradiction.
   */
  onLoss?: ((losses: readonly Loss[]) => Promise<void>) | undefined
  signal: AbortSignal
}

/** Events that may be left for the switch, while no batch is applied. */
const SWITCH_EVENTS_MAX = 2_000
const RETRY_MS = 500
/** The switch waited too long for readers, or a reader and it were in each other's way. */
const TRY_AGAIN = new Set(['55P03', '40P01'])

/**
 * Builds the projections from position 0 in tables of their own, while the live ones are read and
 * written on, and switches when level with them: in one transaction that keeps the runner out.
 * Killed at any place it goes on from where it was the next time; a log or a database that is
 * away is waited for. Memory is bounded by two batches. Returns once the new rows are live;
 * throws only when the signal is aborted (its reason), for a bug, or CONTRADICTION when a
 * projection says that its new rows must not be read: then the old ones stay.
 */
export async function rebuild (options: RebuildOptions): Promise<void> {
  const { signal, pool } = options
  let building: Target[] = []
  for (;;) {
    signal.throwIfAborted()
    try {
      if (!await isSwitched(pool, building)) {
        building = await begin(pool, options.projections)
        await buildOn(options, building)
      }
      await dropRetired(pool)
      return
    } catch (err) {
      if (isLedgerError(err, 'CONTRADICTION')) await discard(pool, building)
      if (!isPassing(err)) throw err
      options.onRetry?.(err)
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}

function isPassing (err: unknown): boolean {
  return isLedgerError(err, 'LOG_UNAVAILABLE') || isLedgerError(err, 'CHECKPOINT_MOVED') ||
    isUnavailable(err) || TRY_AGAIN.has(codeOf(err))
}

/** What must not be read is not built on either: the next attempt begins anew. */
async function discard (pool: Pool, building: readonly Target[]): Promise<void> {
  await inTransaction(pool, async (tx) => {
    for (const { generation } of building) await dropGeneration(tx, generation)
  })
}

/** Whether these went live in a commit whose answer was lost. */
async function isSwitched (pool: Pool, building: readonly Target[]): Promise<boolean> {
  if (building.length === 0) return false
  const live = (await inTransaction(pool, listGenerations)).filter(({ state }) => state === 'live')
  return building.every(({ generation: { name, generation } }) =>
    live.some((other) => other.name === name && other.generation === generation))
}

/**
 * The generations to build: those of an earlier attempt, if they are of the present versions and
 * at one place, otherwise new ones.
 */
async function begin (pool: Pool, projections: readonly Projection[]): Promise<Target[]> {
  return await inTransaction(pool, async (tx) => {
    await lockRunner(tx)
    const names = new Set(projections.map(({ name }) => name))
    const found = (await listGenerations(tx))
      .filter(({ name, state }) => state === 'building' && names.has(name))
    const resumed = resume(projections, found)
    if (resumed !== undefined) return resumed
    for (const generation of found) await dropGeneration(tx, generation)
    const targets: Target[] = []
    for (const projection of projections) {
      targets.push({ projection, generation: await createGeneration(tx, projection) })
    }
    return targets
  })
}

function resume (
  projections: readonly Projection[], found: readonly Generation[]
): Target[] | undefined {
  if (found.length !== projections.length) return undefined
  const targets = projections.flatMap((projection) => {
    const generation = found.find(({ name, version }) =>
      name === projection.name && version === projection.version)
    return generation === undefined ? [] : [{ projection, generation }]
  })
  const [first] = targets
  const level = targets.every(({ generation: { checkpoint } }) =>
    compareCheckpoints(checkpoint, first?.generation.checkpoint) === 0)
  return level && targets.length === projections.length ? targets : undefined
}

async function buildOn (options: RebuildOptions, building: readonly Target[]): Promise<void> {
  const { pool, log, signal } = options
  const build: Build = {
    options,
    building,
    checkpoint: building[0]?.generation.checkpoint,
    events: building[0]?.generation.events ?? 0n
  }
  for (;;) {
    signal.throwIfAborted()
    const live = await liveGeneration(pool)
    const until = live === undefined ? await log.head() : live.checkpoint
    await advance(build, until, live?.events)
    await analyze(build)
    if (await trySwitch(build)) return
  }
}

interface Build {
  options: RebuildOptions
  building: readonly Target[]
  checkpoint: Checkpoint | undefined
  events: bigint
}

/** The first readers are to be planned for the tables as they are, not as empty ones. */
async function analyze ({ options: { pool }, building }: Build): Promise<void> {
  await inTransaction(pool, async (tx) => {
    for (const { projection: { views }, generation: { schema } } of building) {
      await tx.query(`analyze ${views.map((view) => `${schema}.${view}`).join(', ')}`)
    }
  })
}

/** Applies everything up to and including the position. */
async function advance (
  build: Build, until: LogPosition | undefined, total: bigint | undefined
): Promise<void> {
  const { pool, log, signal, onProgress } = build.options
  for await (const batch of readBatches(log, { after: build.checkpoint, until, signal })) {
    await applySplitting(batch, async (items) => {
      await inTransaction(pool, async (tx) => { await applyTo(tx, build, items) })
      moveOn(build, items)
    })
    const { events, checkpoint } = build
    onProgress?.({ events, total, position: checkpoint?.commit })
  }
}

function moveOn (build: Build, items: readonly Item[]): void {
  const last = items.at(-1)
  if (last === undefined) return
  build.checkpoint = checkpointOf(last.recorded)
  build.events += BigInt(items.filter((item) => 'event' in item).length)
}

/** Rows and checkpoint of the generations being built, in the caller's transaction. */
async function applyTo (
  tx: Tx, { building, checkpoint }: Build, items: readonly Item[]
): Promise<void> {
  const last = items.at(-1)
  if (last === undefined) return
  await tx.query(`select set_config('search_path', $1, true),
    set_config('synchronous_commit', 'off', true)`, [searchPath(building)])
  const events = await writeRows(tx, building, items)
  const to = checkpointOf(last.recorded)
  const { rowCount } = await tx.query(`
    update control.projection p set
      commit_position = $3, prepare_position = $4, stream = $5, revision = $6, event_id = $7,
      events = p.events + $8, updated_at = clock_timestamp()
    from unnest($1::text[], $2::bigint[]) as building (name, generation)
    where p.name = building.name and p.generation = building.generation and p.state = 'building'
      and p.commit_position is not distinct from $9`, [
    building.map(({ generation }) => generation.name),
    building.map(({ generation }) => generation.generation),
    to.commit, to.prepare, to.stream, to.revision, to.id, events, checkpoint?.commit ?? null
  ])
  if (rowCount !== building.length) {
    throw new LedgerError('CHECKPOINT_MOVED', 'another process builds the same generation')
  }
}

/** The generation that readers see and that is furthest; all live ones are at one place. */
async function liveGeneration (pool: Pool): Promise<Generation | undefined> {
  return furthest(await inTransaction(pool, listGenerations))
}

function furthest (generations: readonly Generation[]): Generation | undefined {
  return generations.filter(({ state }) => state === 'live')
    .sort((one, other) => compareCheckpoints(other.checkpoint, one.checkpoint))[0]
}

/**
 * Goes live, unless more than SWITCH_EVENTS_MAX events are still missing: then false. The last of
 * them are applied while the runner waits, so that all live generations are at one checkpoint.
 */
async function trySwitch (build: Build): Promise<boolean> {
  try {
    return await switchOver(build)
  } catch (err) {
    if (!refusesData(err)) throw err
    // The event that it is about is found, and parked, on the way to the next attempt.
    return false
  }
}

async function switchOver (build: Build): Promise<boolean> {
  const { pool, log, signal } = build.options
  return await inTransaction(pool, async (tx) => {
    await lockRunner(tx)
    const live = furthest(await listGenerations(tx))
    const until = live === undefined ? build.checkpoint : live.checkpoint
    const rest: Item[] = []
    for await (const batch of readBatches(log, { after: build.checkpoint, until, signal })) {
      rest.push(...batch)
      if (rest.length > SWITCH_EVENTS_MAX) return false
    }
    await applyTo(tx, build, rest)
    await refuseContradictions(tx, build)
    for (const { projection, generation } of build.building) {
      await goLive(tx, projection, generation)
    }
    return true
  })
}

/** Throws CONTRADICTION if one of them must not be read. */
async function refuseContradictions (
  tx: Tx, { building, options: { onLoss } }: Build
): Promise<void> {
  const path = searchPath(building)
  const losses = onLoss === undefined ? [] : await findLosses(tx, path)
  const lost = new Set(losses.map(({ tenant }) => tenant))
  await tx.query("select set_config('search_path', $1, true)", [path])
  for (const { projection } of building) {
    const why = await projection.contradiction?.(tx, lost)
    if (why !== undefined) throw new LedgerError('CONTRADICTION', `${projection.name}: ${why}`)
  }
  if (lost.size === 0) return
  await onLoss?.(losses)
  await forgetPass(tx)
}

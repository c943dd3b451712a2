import type { Projection } from '../../projections/projection.ts'
import { codeOf } from '../postgres/errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction, type Tx } from '../postgres/transaction.ts'
import { compareCheckpoints, type Checkpoint } from './checkpoint.ts'
import {
  createGeneration, dropGeneration, goLive, listGenerations, missingParts, repairViews,
  type Generation
} from './generations.ts'
import { renewLease } from './lease.ts'
import type { Target } from './rows.ts'

/** What a runner finds, or has made, before it starts. */
export interface Prepared {
  /** Live generations of this program's versions, all at the same checkpoint. */
  live: Target[]
  checkpoint: Checkpoint | undefined
  /** Projections whose rows have to be built beside the others. */
  rebuild: Projection[]
}

const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Brings the read models to where events can be applied: on a new database, or when all tables
 * are gone, every projection starts live and empty. Otherwise one that is missing, of another
 * version, or behind the rest (it was out of use for a while) has to be rebuilt; views that are
 * gone are made again. Rows of another version are shown as they are until the new ones replace
 * them, for this program's code does not know their tables; those of a newer version are not
 * replaced, for its program is about to take over. Throws FENCED if the fence is not the runner's.
 */
export async function prepare (
  pool: Pool, fence: bigint, projections: readonly Projection[]
): Promise<Prepared> {
  return await inTransaction(pool, async (tx) => {
    await renewLease(tx, fence)
    const found = liveOf(await listGenerations(tx), projections)
    const sound = await keepSound(tx, found)
    const current = sound.filter(isCurrent)
    const live = sound.length === 0 ? await startAll(tx, projections) : await align(tx, current)
    const settled = new Set([...live, ...sound.filter(isNewer)]
      .map(({ projection }) => projection.name))
    return {
      live,
      checkpoint: live[0]?.generation.checkpoint,
      rebuild: projections.filter(({ name }) => !settled.has(name))
    }
  })
}

/** Those whose tables are there. Others are retired; missing views are made again. */
async function keepSound (tx: Tx, found: readonly Target[]): Promise<Target[]> {
  const sound: Target[] = []
  for (const target of found) {
    const { projection, generation } = target
    const missing = await missingParts(tx, projection, generation)
    if (isCurrent(target) && missing.tables) await setState(tx, generation, 'retired')
    else {
      if (isCurrent(target) && missing.views) await repairViews(tx, projection, generation)
      sound.push(target)
    }
  }
  return sound
}

function isNewer ({ projection, generation }: Target): boolean {
  return generation.version > projection.version
}

/** Whether the generation is of this program's version. */
function isCurrent ({ projection, generation }: Target): boolean {
  return projection.version === generation.version
}

async function startAll (tx: Tx, projections: readonly Projection[]): Promise<Target[]> {
  const targets: Target[] = []
  for (const projection of projections) {
    const generation = await createGeneration(tx, projection)
    await goLive(tx, projection, generation)
    targets.push({ projection, generation: { ...generation, state: 'live' } })
  }
  return targets
}

/** All live generations move together; one that is behind is built on before it goes live again. */
async function align (tx: Tx, targets: readonly Target[]): Promise<Target[]> {
  const [first] = targets.map(({ generation }) => generation.checkpoint)
    .sort((one, other) => compareCheckpoints(other, one))
  const aligned: Target[] = []
  for (const target of targets) {
    if (compareCheckpoints(target.generation.checkpoint, first) === 0) aligned.push(target)
    else await setState(tx, target.generation, 'building')
  }
  return aligned
}

async function setState (
  tx: Tx, { name, generation }: Generation, state: Generation['state']
): Promise<void> {
  await tx.query(`
    update control.projection set state = $3, updated_at = now()
    where name = $1 and generation = $2`, [name, generation, state])
}

/** Whether views or tables of a live generation are gone: cause to prepare again. */
export async function isDamaged (
  pool: Pool, projections: readonly Projection[]
): Promise<boolean> {
  return await inTransaction(pool, async (tx) => {
    const live = liveOf(await listGenerations(tx), projections).filter(isCurrent)
    for (const { generation, projection } of live) {
      const missing = await missingParts(tx, projection, generation)
      if (missing.tables || missing.views) return true
    }
    return false
  })
}

function liveOf (
  generations: readonly Generation[], projections: readonly Projection[]
): Target[] {
  return generations.filter(({ state }) => state === 'live').flatMap((generation) => {
    const projection = projections.find(({ name }) => name === generation.name)
    return projection === undefined ? [] : [{ projection, generation }]
  })
}

/**
 * Drops what was retired. A generation that somebody still reads is left for the next time;
 * returns how many are left.
 */
export async function dropRetired (pool: Pool): Promise<number> {
  const generations = await inTransaction(pool, listGenerations)
  let left = 0
  for (const generation of generations.filter(({ state }) => state === 'retired')) {
    try {
      await inTransaction(pool, async (tx) => { await dropGeneration(tx, generation) })
    } catch (err) {
      if (codeOf(err) !== LOCK_NOT_AVAILABLE) throw err
      left++
    }
  }
  return left
}

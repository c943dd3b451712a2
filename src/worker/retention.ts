import { setTimeout as sleep } from 'node:timers/promises'
import { activeHolds, isAllHeld } from '../../projections/erasure-records/holds.ts'
import { cutoffOf } from '../../projections/retention/cutoff.ts'
import { dueEntries } from '../../projections/retention/due.ts'
import {
  activePolicies, findPolicy, type PolicyRecord
} from '../../projections/retention/queries.ts'
import { RUN_EVENTS_MAX } from '../../schemas/events/retention.ts'
import type { Log } from '../ledger/log.ts'
import { ranEvent } from '../ledger/retention-events.ts'
import type { Logger } from '../log.ts'
import { lockHolds } from '../postgres/locks.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction, type Tx } from '../postgres/transaction.ts'
import {
  caughtUp, isPassing, LOOK_AGAIN_MS, orNone, recordEach, type RecordOwn
} from './decide.ts'
import { noFault, type Fault } from './fault.ts'

export interface RetentionOptions {
  /** As ledger_worker. */
  pool: Pool
  log: Log
  record: RecordOwn
  logger: Logger
  /** Milliseconds since 1970, by which rows are old. */
  now: () => number
  /** How often to look for policies that are new. */
  pollMs?: number | undefined
  /** How long after a policy was found to have nothing to do it is looked at again. */
  restMs?: number | undefined
  /** Rows that are looked at in one step; RUN_EVENTS_MAX at most. */
  stepRows?: number | undefined
  fault?: Fault | undefined
}

export interface Retention {
  /** Runs policies until the signal is aborted; what fails is tried again. */
  run (signal: AbortSignal): Promise<void>
  /** One step of every policy that does not rest; true if another one may have something to do. */
  step (): Promise<boolean>
}

const POLL_MS = 1_000
const REST_MS = 3_600_000

type Context = RetentionOptions & { fault: Fault }

/** How far a policy has come. */
interface Progress {
  /** Rows up to this position were looked at. */
  after: bigint
  /** Not looked at before; milliseconds since 1970. */
  restsUntil: number
}

const FROM_START: Progress = { after: -1n, restsUntil: 0 }

/**
 * Removes rows by age. A step decides on few rows, while no hold of the tenant can be placed and
 * no policy revoked, and appends an event that names them; that event, projected, takes them away.
 * Killed anywhere nothing is half done, and any number of workers may do it at once.
 */
export function createRetention (given: RetentionOptions): Retention {
  const options = { ...given, fault: given.fault ?? noFault }
  let known = new Map<string, Progress>()
  const step = async (): Promise<boolean> => {
    const policies = await orNone(async () => await inTransaction(options.pool, activePolicies))
    // Whatever is not active any more is forgotten.
    const progress = policies.map(({ id }): [string, Progress] => [id, known.get(id) ?? FROM_START])
    known = new Map(progress)
    let moved = false
    for (const { tenant, id } of policies) {
      const reached = known.get(id) ?? FROM_START
      if (reached.restsUntil > options.now()) continue
      const next = await runPolicy(options, { tenant, id, after: reached.after })
      if (next === 'later') continue
      known.set(id, next)
      if (next.restsUntil === 0) moved = true
    }
    return moved
  }
  return { step, run: async (signal) => { await run(options, step, signal) } }
}

async function run (
  { pollMs = POLL_MS, logger }: Context, step: () => Promise<boolean>, signal: AbortSignal
): Promise<void> {
  while (!signal.aborted) {
    const moved = await step().catch((err: unknown) => {
      if (!isPassing(err)) throw err
      logger.warn({ err }, 'retention cannot go on; trying again')
      return false
    })
    await sleep(moved ? LOOK_AGAIN_MS : pollMs, undefined, { signal }).catch(() => undefined)
  }
}

/** One step of a policy, and how far it has come; `later`: reads do not show everything yet. */
async function runPolicy (
  context: Context, { tenant, id, after }: { tenant: string, id: string, after: bigint }
): Promise<Progress | 'later'> {
  const { pool, log, now, restMs = REST_MS } = context
  return await inTransaction(pool, async (tx) => {
    await lockHolds(tx, tenant)
    if (!await caughtUp(tx, log)) return 'later'
    const policy = await findPolicy(tx, tenant, id)
    const last = policy === undefined || policy.revokedAt !== null || await isAllHeld(tx, tenant)
      ? undefined
      : await removeNext(context, tx, policy, after)
    return last === undefined
      ? { after: FROM_START.after, restsUntil: now() + restMs }
      : { after: last, restsUntil: 0 }
  })
}

/** Removes what is due among the next rows; the last one's position, undefined at the end. */
async function removeNext (
  context: Context, tx: Tx, policy: PolicyRecord, after: bigint
): Promise<bigint | undefined> {
  const { now, fault, stepRows: limit = RUN_EVENTS_MAX } = context
  const { tenant, id, category, action, age } = policy
  const cutoff = cutoffOf(age, now())
  const due = await dueEntries(tx, tenant, { category, action, cutoff }, { after, limit })
  const positions = due.filter(({ held }) => !held).map(({ position }) => position)
  if (positions.length > 0) {
    await fault('chosen')
    const holds = await activeHolds(tx, tenant)
    const held = due.length - positions.length
    await recordEach(context, tenant, [ranEvent(tenant, id, {
      category, action, cutoff, positions, held, holds
    })])
    await fault('recorded')
  }
  return due.length < limit ? undefined : due.at(-1)?.position
}

import { setTimeout as sleep } from 'node:timers/promises'
import {
  dueErasures, heldAmong, orderedErasures, tenantsWithErasures, type OpenErasure
} from '../../projections/erasure-records/queries.ts'
import { activeHolds } from '../../projections/erasure-records/holds.ts'
import { executedEvent, orderedEvent } from '../ledger/erasure-events.ts'
import { applyFence } from '../ledger/fence.ts'
import type { Log } from '../ledger/log.ts'
import type { Logger } from '../log.ts'
import { lockHolds } from '../postgres/locks.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction } from '../postgres/transaction.ts'
import type { Eraser } from '../privacy/eraser.ts'
import { KEY_TTL_MS } from '../privacy/vault.ts'
import {
  caughtUp, isPassing, LOOK_AGAIN_MS, orNone, recordEach, type RecordOwn
} from './decide.ts'
import { noFault, type Fault } from './fault.ts'

export interface ErasuresOptions {
  /** As ledger_worker. */
  pool: Pool
  eraser: Eraser
  log: Log
  /** Appends the ledger's own events; an event whose id is there already is not added again. */
  record: RecordOwn
  logger: Logger
  /** Milliseconds since 1970, for cooling-off times. */
  now: () => number
  /** How often to look for erasures that can go on. */
  pollMs?: number | undefined
  /** How long a key may be in use in a process that does not answer. */
  keyTtlMs?: number | undefined
  /** Erasures of one tenant that are taken together. */
  togetherMax?: number | undefined
  fault?: Fault | undefined
}

export interface Erasures {
  /**
   * Carries erasures out until the signal is aborted; what fails is tried again. First of all, and
   * after each failure, it destroys what the log has ordered before, and a restored vault may hold
   * again.
   */
  run (signal: AbortSignal): Promise<void>
  /** One round; true if something went on, so that another one may have something to do. */
  step (): Promise<boolean>
}

const POLL_MS = 1_000
const TOGETHER_MAX = 200
/** How long an order waits for processes to let go of keys. */
const PATIENCE_MS = 2_000

/**
 * Carries erasures out: what is requested and due is closed in the vault, ordered in the log,
 * destroyed, and told executed. Every step is known by what the log and the vault say, may be
 * repeated, and appends its event under an id that follows from the erasure: killed anywhere it
 * goes on, and any number of workers may do it at once.
 */
export function createErasures (given: ErasuresOptions): Erasures {
  const options = { ...given, fault: given.fault ?? noFault }
  const step = async (): Promise<boolean> => {
    let moved = false
    const tenants = await orNone(async () =>
      await inTransaction(options.pool, tenantsWithErasures))
    for (const tenant of tenants) {
      if (await order(options, tenant)) moved = true
      if (await execute(options, tenant)) moved = true
    }
    return moved
  }
  return {
    step,
    async run (signal) {
      let fenced = false
      const round = async (): Promise<boolean> => {
        if (!fenced) await applyFence(options.log, options.eraser)
        fenced = true
        return await step()
      }
      while (!signal.aborted) {
        const moved = await round().catch((err: unknown) => {
          if (!isPassing(err)) throw err
          // Whatever comes back may be a vault that was restored.
          fenced = false
          options.logger.warn({ err }, 'erasures cannot go on; trying again')
          return false
        })
        const waitMs = moved ? LOOK_AGAIN_MS : options.pollMs ?? POLL_MS
        await sleep(waitMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}

type Context = ErasuresOptions & { fault: Fault }

/**
 * Decides and orders, while no hold of the tenant can be placed: whatever hold the log has, it
 * was placed before and seen, or it comes after the order.
 */
async function order (context: Context, tenant: string): Promise<boolean> {
  const { pool, log, eraser, fault, togetherMax = TOGETHER_MAX } = context
  return await inTransaction(pool, async (tx) => {
    await lockHolds(tx, tenant)
    if (!await caughtUp(tx, log)) return false
    const now = new Date(context.now()).toISOString()
    const held = await heldAmong(tx, tenant, await eraser.closed(tenant))
    if (held.length > 0) await eraser.reopen(tenant, held)
    const due = await dueErasures(tx, tenant, { now, limit: togetherMax })
    if (due.length === 0) return false
    await fault('close')
    if (!await close(context, tenant, due)) return false
    await fault('order')
    const holds = await activeHolds(tx, tenant)
    await recordEach(context, tenant, due.map((erasure) => orderedEvent(tenant, erasure, holds)))
    await fault('ordered')
    return true
  })
}

/** Whether nothing is sealed under these refs any more, by any process that does not sleep. */
async function close (
  { eraser, fault, keyTtlMs = KEY_TTL_MS }: Context, tenant: string, due: readonly OpenErasure[]
): Promise<boolean> {
  const closedMs = await eraser.close(tenant, due.map(({ ref }) => ref))
  await fault('closed')
  const { call, answered } = await eraser.forgotten(PATIENCE_MS)
  if (answered) return true
  if (closedMs < keyTtlMs) return false
  await eraser.giveUpSilent(call)
  return true
}

/** Destroys what is ordered, and says so; the rows are done when the order shows in them. */
async function execute (context: Context, tenant: string): Promise<boolean> {
  const { pool, eraser, fault, togetherMax = TOGETHER_MAX } = context
  const ordered = await inTransaction(pool, async (tx) =>
    await orderedErasures(tx, tenant, togetherMax))
  if (ordered.length === 0) return false
  await fault('destroy')
  await eraser.destroy(tenant, ordered.map(({ id, ref }) => ({ ref, erasure: id })))
  await fault('destroyed')
  const masterKeys = await eraser.wrappedUnder(tenant, ordered.map(({ ref }) => ref))
  await recordEach(context, tenant, ordered.map((erasure) =>
    executedEvent(tenant, { ...erasure, masterKeys: masterKeys.get(erasure.ref) })))
  await fault('executed')
  return true
}

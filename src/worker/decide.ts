import { setTimeout as sleep } from 'node:timers/promises'
import type { EventInput } from '../../schemas/events/index.ts'
import { isLedgerError } from '../errors.ts'
import type { Log } from '../ledger/log.ts'
import type { Logger } from '../log.ts'
import { codeOf, isUnavailable } from '../postgres/errors.ts'
import type { Tx } from '../postgres/transaction.ts'

/** Appends the ledger's own events; an event whose id is there already is not added again. */
export type RecordOwn = (tenant: string, events: readonly EventInput[]) => Promise<unknown>

export const LOOK_AGAIN_MS = 20
/** How long holds wait for a decision, and a decision for what the log already holds. */
const PATIENCE_MS = 2_000
const UNDEFINED_TABLE = '42P01'

/** Before the first worker has made the read models nothing was asked for either. */
export async function orNone<T> (read: () => Promise<T[]>): Promise<T[]> {
  try {
    return await read()
  } catch (err) {
    if (codeOf(err) !== UNDEFINED_TABLE) throw err
    return []
  }
}

/** Whether the read models show all that the log holds at this moment, and it is whole. */
export async function caughtUp (tx: Tx, log: Log): Promise<boolean> {
  const head = (await log.head())?.commit ?? 0n
  const deadline = performance.now() + PATIENCE_MS
  while (true) {
    const { rows: [row] } = await tx.query<{ reached: boolean | null }>(`
      select bool_and(coalesce(commit_position >= $1, false)) and not exists (
        select from control.worker_state where state = 'log-regression') as reached
      from control.projection where state = 'live'`, [head])
    if (row?.reached === true) return true
    if (performance.now() > deadline) return false
    await sleep(LOOK_AGAIN_MS)
  }
}

/** Another worker, or this one before it was killed, may have said it in other words. */
export async function recordEach (
  { record, logger }: { record: RecordOwn, logger: Logger },
  tenant: string, events: readonly EventInput[]
): Promise<void> {
  await Promise.all(events.map(async (event) => {
    await record(tenant, [event]).catch((err: unknown) => {
      if (!isLedgerError(err, 'ID_REUSED')) throw err
      const { id, action } = event
      logger.warn({ tenant, id, action }, 'an event stands there in other words')
    })
  }))
}

/** What passes by itself, or what Postgres refuses, which somebody has to put right. */
export function isPassing (err: unknown): boolean {
  return isLedgerError(err) || isUnavailable(err) || codeOf(err) !== ''
}

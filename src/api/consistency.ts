import { setTimeout as sleep } from 'node:timers/promises'
import { LedgerError } from '../errors.ts'
import type { Pool } from '../postgres/pool.ts'
import type { Tx } from '../../projections/projection.ts'
import { startListener } from '../postgres/listener.ts'

/** The worker says the position it has committed on this channel. */
export const PROGRESS_CHANNEL = 'ledger_progress'
/** A request with Ledger-At-Least waits so long at most. */
export const AT_LEAST_WAIT_MS = 2_000
/** Asking again while notifications cannot be heard. */
const POLL_DEAF_MS = 100
/** Asking again anyway: a notification may be lost together with its connection. */
const POLL_MS = 1_000
const POSITION = /^[0-9]{1,19}$/

/** Follows how far the read models are. */
export interface Progress {
  /**
   * true as soon as every read model reflects the position, false after `timeoutMs` or when the
   * signal says that nobody waits any more.
   */
  reached (position: bigint, timeoutMs: number, signal?: AbortSignal): Promise<boolean>
  close (): Promise<void>
}

interface Waiter {
  position: bigint
  resolve: (reached: boolean) => void
}

/** The position that every live read model has committed; undefined before the first event. */
export const POSITION_SQL = `(select case when bool_or(commit_position is null) then null
  else min(commit_position) end from control.projection where state = 'live')`

/** The same, asked by itself. */
export async function readPosition (db: Tx): Promise<bigint | undefined> {
  const { rows } = await db.query<{ position: bigint | null }>(
    `select ${POSITION_SQL} as position`)
  return rows[0]?.position ?? undefined
}

/** Throws LAGGING unless what was read reflects the position asked for. */
export function requirePosition (asked: bigint, reflected: bigint | undefined): void {
  if (reflected !== undefined && reflected >= asked) return
  throw new LedgerError('LAGGING', 'the read models are behind', {
    retryAfterS: 1,
    extra: { asked: String(asked), reflected: reflected === undefined ? null : String(reflected) }
  })
}

/**
 * Waits for positions by notification on one connection of `listenPool`, and by asking while that
 * is down. What it heard last may be out of date: the answer itself is checked where it is read.
 */
export function createProgress (pool: Pool, listenPool: Pool): Progress {
  const waiters = new Set<Waiter>()
  let heard: bigint | undefined
  let hearing = false
  let polling = false
  let closed = false

  const hear = (position: bigint | undefined): void => {
    heard = position
    if (position === undefined) return
    for (const waiter of waiters) if (waiter.position <= position) waiter.resolve(true)
  }

  const listener = startListener({
    pool: listenPool,
    channel: PROGRESS_CHANNEL,
    onUp: () => { hearing = true },
    onDown: () => { hearing = false },
    onNotification: (payload) => { if (POSITION.test(payload)) hear(BigInt(payload)) }
  })

  const poll = async (): Promise<void> => {
    if (polling) return
    polling = true
    while (waiters.size > 0) {
      // The database being away is what the waiters' time-out tells them.
      await readPosition(pool).then(hear, () => {})
      if (waiters.size === 0) break
      await sleep(hearing ? POLL_MS : POLL_DEAF_MS, undefined, { ref: false })
    }
    polling = false
  }

  return {
    async reached (position, timeoutMs, signal) {
      if (heard !== undefined && heard >= position) return true
      if (closed || signal?.aborted === true) return false
      return await new Promise((resolve, reject) => {
        const settle = (reached: boolean): void => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', giveUp)
          waiters.delete(waiter)
          resolve(reached)
        }
        const giveUp = (): void => { settle(false) }
        const waiter: Waiter = { position, resolve: settle }
        const timer = setTimeout(giveUp, timeoutMs)
        signal?.addEventListener('abort', giveUp)
        waiters.add(waiter)
        poll().catch(reject)
      })
    },
    async close () {
      closed = true
      for (const waiter of waiters) waiter.resolve(false)
      await listener.close()
    }
  }
}

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from '../postgres/pool.ts'

/** Where Postgres says whose row went: a JSON array of tenant and ref; empty for every row. */
export const VAULT_CHANNEL = 'ledger_vault'

/** No tenant has this name: what is told of it is a call, and a number stands for the ref. */
const CALL = ''
const ASK_AGAIN_MS = 10

/**
 * Answers calls: notifications come in order, so whoever answers one has forgotten every key
 * whose row went before it.
 */
export interface Calls {
  /**
   * To be called when calls are heard, and before any key is kept: from the end of it on, whoever
   * calls waits for this process. Returns whether that is on record.
   */
  register (): Promise<boolean>
  onNotification (payload: string): void
  /** Takes this process off the list of those who are waited for. */
  close (): Promise<void>
}

/**
 * The answering side, one for each process that keeps keys. What is sealing with one of them at the
 * moment of a call has to be through before it is answered: `settled` resolves when it is.
 */
export function answerCalls (pool: Pool, settled: () => Promise<void>): Calls {
  const id = randomUUID()
  let answering = Promise.resolve()
  const answer = async (call: string): Promise<void> => {
    await pool.query(`insert into vault.listener (id, heard) values ($1, $2)
      on conflict (id) do update set heard = greatest(listener.heard, excluded.heard)`, [id, call])
  }
  // Who cannot say so is waited for until its keys are out of date anyway.
  const ignore = (): void => {}
  const say = (what: () => Promise<void>): void => {
    answering = answering.then(what).catch(ignore)
  }
  return {
    async register () {
      let isRegistered = false
      say(async () => {
        // Nothing is kept at this moment, so every call until now is answered as well, once what
        // seals with keys from before is through.
        const { rows: [last] } = await pool.query<{ call: bigint }>(
          'select last_value as call from vault.call')
        await settled()
        await answer(String(last?.call ?? 0n))
        isRegistered = true
      })
      await answering
      return isRegistered
    },
    onNotification (payload) {
      const call = callOf(payload)
      if (call === undefined) return
      settled().then(() => { say(async () => { await answer(call) }) })
    },
    async close () {
      await answering
      await pool.query('delete from vault.listener where id = $1', [id]).catch(ignore)
    }
  }
}

/** A call, and whether everybody has answered it. */
export interface Called {
  call: bigint
  answered: boolean
}

/**
 * Calls every process that keeps keys; answered when all known ones say that they have forgotten
 * whatever went before and seal nothing with it any more, else given up after `timeoutMs`.
 */
export async function callAll (pool: Pool, timeoutMs: number): Promise<Called> {
  const deadline = performance.now() + timeoutMs
  const { rows: [row] } = await pool.query<{ call: bigint }>(`
    with next as materialized (select nextval('vault.call') as call)
    select call, pg_notify($1, json_build_array($2::text, call::text)::text) from next`,
  [VAULT_CHANNEL, CALL])
  const call = row?.call ?? 0n
  while (true) {
    const { rows: [waiting] } = await pool.query<{ count: bigint }>(
      'select count(*) from vault.listener where heard < $1', [call])
    if (waiting?.count === 0n) return { call, answered: true }
    if (performance.now() > deadline) return { call, answered: false }
    await sleep(ASK_AGAIN_MS)
  }
}

/**
 * Forgets those who did not answer this call: their keys are out of date by now. A later call of
 * another worker is none of theirs: whoever has yet to answer that one is alive.
 */
export async function giveUpSilent (pool: Pool, call: bigint): Promise<void> {
  await pool.query('delete from vault.listener where heard < $1', [call])
}

function callOf (payload: string): string | undefined {
  try {
    const [tenant, call]: unknown[] = JSON.parse(payload)
    return tenant === CALL && typeof call === 'string' ? call : undefined
  } catch {
    return undefined
  }
}

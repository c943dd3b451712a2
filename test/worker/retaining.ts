import type { Test } from 'tap'

import { PROJECTIONS } from '../../projections/index.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import type { RetentionPolicySetData } from '../../schemas/events/retention.ts'
import { createLookup } from '../../src/api/lookup.ts'
import { holdPlacedEvent } from '../../src/ledger/erasure-events.ts'
import { mintId } from '../../src/ledger/ids.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import { policySetEvent } from '../../src/ledger/retention-events.ts'
import { rebuild } from '../../src/worker/rebuild.ts'
import {
  createRetention, type Retention, type RetentionOptions
} from '../../src/worker/retention.ts'
import { uuid } from '../given.ts'
import { erasingWorld, SENDER, type ErasingWorld } from './erasing.ts'
import { silent, until } from './world.ts'

export const KEY = { type: 'service', id: 'key', name: 'compliance' } as const
/** When what is old was recorded. */
export const OLD = Date.UTC(2024, 0, 15)
export const POLICY = uuid(0xa11)

/** A world whose rows can be old, and what removes them. */
export interface RetainingWorld extends ErasingWorld {
  /** Records events of producers as of two years ago; returns the last position. */
  sendOld (events: readonly EventInput[], tenant?: string): Promise<bigint>
  retention (options?: Partial<RetentionOptions>): Retention
  setPolicy (said?: Partial<RetentionPolicySetData>, id?: string): Promise<bigint>
  hold (id: string, entity: string): Promise<bigint>
  /** Steps until nothing is left to do. */
  retain (retention?: Retention): Promise<void>
  /** Waits for the rows of everything that the log has. */
  settle (): Promise<void>
  build (...names: string[]): Promise<void>
  /** How many rows there are of what producers sent two years ago. */
  old (): Promise<number>
}

export async function retainingWorld (t: Test): Promise<RetainingWorld> {
  const world = await erasingWorld(t)
  const { ledger, vault, log, database, pool, rows } = world
  const lookup = createLookup(database.pool('ledger_api'))
  const before = createLedger({ log, vault, lookup, now: () => OLD, newId: mintId })
  const retentionPool = database.pool('ledger_worker')
  const retention: RetainingWorld['retention'] = (options = {}) => createRetention({
    pool: retentionPool,
    log,
    record: ledger.recordOwn,
    logger: silent,
    now: Date.now,
    pollMs: 20,
    ...options
  })
  return {
    ...world,
    retention,
    async sendOld (events, tenant = 'acme') {
      const results = await before.record({ ...SENDER, tenant }, events)
      return results.reduce((last, result) => {
        if (!result.ok) throw result.error
        return result.receipt.position > last ? result.receipt.position : last
      }, 0n)
    },
    async setPolicy (said = {}, id = POLICY) {
      const data = {
        category: null, action: null, age: { months: 12 }, reason: 'r', forced: false, ...said
      }
      const [receipt] = await ledger.recordOwn('acme', [
        policySetEvent('acme', id, { actor: KEY, data })])
      return receipt?.position ?? 0n
    },
    async hold (id, entity) {
      const [receipt] = await ledger.recordOwn('acme', [holdPlacedEvent('acme', id, {
        actor: KEY,
        data: { scope: { kind: 'entity', type: 'order', key: entity }, reason: 'c', until: null }
      })])
      return receipt?.position ?? 0n
    },
    async retain (one = retention()) {
      await until('retention', async () => !await one.step())
    },
    async settle () {
      const head = (await log.head())?.commit
      await until('the head', async () => {
        const [row] = await rows<{ least: bigint }>(`select min(commit_position) as least
          from control.projection where state = 'live'`)
        return row?.least === head
      })
    },
    async build (...names) {
      await rebuild({
        pool,
        log,
        projections: PROJECTIONS.filter(({ name }) => names.includes(name)),
        signal: new AbortController().signal
      })
    },
    async old () {
      const [row] = await rows<{ count: bigint }>(`select count(*) from read.entry
        where recorded_at < '2025-01-01' and action not like 'ledger.%'`)
      return Number(row?.count)
    }
  }
}

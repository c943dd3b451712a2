import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'

import { createLookup } from '../../src/api/lookup.ts'
import { erasureId, requestedEvent } from '../../src/ledger/erasure-events.ts'
import { mintId } from '../../src/ledger/ids.ts'
import { createLedger, type Ledger } from '../../src/ledger/ledger.ts'
import type { Pool } from '../../src/postgres/pool.ts'
import { createEraser, type Eraser } from '../../src/privacy/eraser.ts'
import { localMasterKey, type MasterKey } from '../../src/privacy/master-key.ts'
import { subjectKey } from '../../src/privacy/personal.ts'
import { createVault, type Vault, type VaultOptions } from '../../src/privacy/vault.ts'
import { createErasures, type Erasures, type ErasuresOptions } from '../../src/worker/erasure.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { silent, until, world, type World } from './world.ts'

/** A world with a vault, a write side, and what erases. */
export interface ErasingWorld extends World {
  masterKey: MasterKey
  vault: Vault
  eraser: Eraser
  ledger: Ledger
  erasures (options?: Partial<ErasuresOptions>): Erasures
  superuser: Pool
  /** A vault in a process of its own, as it were. */
  anotherVault (options?: Pick<VaultOptions, 'now' | 'fence'>): Promise<Vault>
  /** Records events of producers in tenant acme; returns the last position. */
  send (events: readonly EventInput[]): Promise<bigint>
  /** Asks for the erasure of a user of acme; returns the erasure's id and the ref. */
  request (user: string): Promise<{ id: string, ref: string, position: bigint }>
  /** Rounds of erasing until nothing that was requested is left to do. */
  finish (): Promise<void>
  states (): Promise<Record<string, number>>
}

/** Where an erasure calls its fault, in order. */
export const ERASURE_STEPS = [
  'close', 'closed', 'order', 'ordered', 'destroy', 'destroyed', 'executed'
]

export const SENDER = { tenant: 'acme', settings: {}, source: 'shop' }
export const canary = (user: string): string => `Canary-${user}-name`

export async function erasingWorld (t: Test): Promise<ErasingWorld> {
  const given = await world(t)
  const { database, log } = given
  const masterKey = localMasterKey(randomBytes(32))
  const vaultPool = database.pool('ledger_vault', { max: 10 })
  const anotherVault: ErasingWorld['anotherVault'] = async (options) => {
    const vault = await createVault({ pool: vaultPool, masterKey, ...options })
    t.teardown(async () => { await vault.close() })
    return vault
  }
  const vault = await anotherVault()
  const eraser = createEraser(vaultPool)
  const ledger = createLedger({
    log, vault, lookup: createLookup(database.pool('ledger_api')), now: Date.now, newId: mintId
  })
  const erasuresPool = database.pool('ledger_worker')
  const erasures: ErasingWorld['erasures'] = (options = {}) => createErasures({
    pool: erasuresPool,
    eraser,
    log,
    record: ledger.recordOwn,
    logger: silent,
    now: Date.now,
    pollMs: 20,
    ...options
  })
  const states = async (): Promise<Record<string, number>> => {
    const rows = await given.rows<{ state: string, count: bigint }>(
      'select state, count(*) from read.erasure group by state order by state')
    return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]))
  }
  const requested = new Set<string>()
  const superuser = database.pool(undefined, { url: database.superuserUrl })
  return {
    ...given,
    superuser,
    masterKey,
    vault,
    eraser,
    ledger,
    erasures,
    anotherVault,
    states,
    async send (events) {
      let last = 0n
      for (const result of await ledger.record(SENDER, events)) {
        if (!result.ok) throw result.error
        if (result.receipt.position > last) last = result.receipt.position
      }
      return last
    },
    async request (user) {
      const subject = { type: 'user', id: user }
      const ref = (await vault.provision('acme', [subject])).get(subjectKey(subject))?.ref ?? ''
      const [receipt] = await ledger.recordOwn('acme', [requestedEvent('acme', {
        type: 'service', id: 'key', name: 'compliance'
      }, {
        ref,
        subjectType: 'user',
        legalBasis: 'art. 17',
        reason: 'asked',
        recipients: [],
        notBefore: new Date(0).toISOString(),
        needsApproval: false
      })])
      const id = erasureId('acme', ref)
      requested.add(id)
      return { id, ref, position: receipt?.position ?? 0n }
    },
    async finish () {
      const eraser = erasures()
      await until('the requests', async () => {
        const rows = await given.rows('select from read.erasure where id = any($1)',
          [[...requested]])
        return rows.length === requested.size
      })
      await until('all erasures', async () => {
        await eraser.step()
        const open = await states()
        return open['requested'] === undefined && open['ordered'] === undefined
      })
    }
  }
}

/** The nth event that a user did, or that is about the user. */
export function eventOf (user: string, n: number): EventInput {
  const common = { id: mintId(), outcome: 'success', context: { ip: '203.0.113.9' } } as const
  const actor = { type: 'user', id: user, name: canary(user) } as const
  switch (n % 4) {
    case 0: return {
      ...common,
      actor,
      category: 'change',
      action: 'order.updated',
      entity: { type: 'order', id: String(n % 10) },
      after: { n }
    }
    case 1: return {
      ...common, actor, category: 'auth', action: 'auth.login', data: { method: 'password' }
    }
    case 2: return {
      ...common,
      actor,
      category: 'task',
      action: 'task.done',
      entity: { type: 'task', id: `${user}-${n}` },
      data: { status: 'done' }
    }
    default: return {
      ...common,
      category: 'change',
      action: 'user.noted',
      actor: { type: 'user', id: 'u-clerk', name: 'Clerk' },
      entity: { type: 'user', id: user, name: canary(user) },
      data: { note: canary(user), amount: n },
      personal: [{ subject: { type: 'user', id: user }, paths: ['/data/note'] }]
    }
  }
}

export function eventsOf (user: string, count: number): EventInput[] {
  return Array.from({ length: count }, (_, n) => eventOf(user, n))
}

import type { Test } from 'tap'

import { LedgerError } from '../../src/errors.ts'
import { createLog } from '../../src/ledger/client.ts'
import { mintId } from '../../src/ledger/ids.ts'
import {
  createLedger, type AppendResult, type Ledger, type LedgerOptions, type Receipt
} from '../../src/ledger/ledger.ts'
import type { Log } from '../../src/ledger/log.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import type { Recorded } from '../../schemas/recorded.ts'
import { memoryVault } from './memory-vault.ts'

export const SENDER = { tenant: 'acme', settings: {}, source: 'shop' }

/** Nothing is ever projected: everything must be found in tails and log. */
export const nothing: LedgerOptions['lookup'] = async (questions) =>
  questions.map(() => ({ known: new Map(), revisions: new Map() }))
export const down: LedgerOptions['lookup'] = async () => {
  throw new LedgerError('DATABASE_UNAVAILABLE', 'gone')
}

export function about (order: string, changes: Partial<EventInput> = {}): EventInput {
  return {
    id: mintId(),
    action: 'order.updated',
    category: 'change',
    actor: { type: 'service', id: 'api' },
    entity: { type: 'order', id: order },
    outcome: 'success',
    data: { operation: 'update' },
    ...changes
  }
}

export function minted (order: string): EventInput {
  const { id, ...event } = about(order)
  return event
}

export async function connect (t: Test, url: string, timeouts: object = {}): Promise<Log> {
  const log = createLog({ url, ...timeouts })
  t.teardown(async () => { await log.close() })
  return log
}

export function ledgerOver (log: Log, changes: Partial<LedgerOptions> = {}): Ledger {
  const vault = memoryVault()
  return createLedger({ log, lookup: nothing, vault, now: Date.now, newId: mintId, ...changes })
}

export async function one (ledger: Ledger, event: EventInput): Promise<AppendResult> {
  const [result] = await ledger.record(SENDER, [event])
  if (result === undefined) throw new Error('no answer')
  return result
}

export async function receiptOf (ledger: Ledger, event: EventInput): Promise<Receipt> {
  const result = await one(ledger, event)
  if (!result.ok) throw result.error
  return result.receipt
}

export function codeOf (result: AppendResult | undefined): string {
  return result?.ok === false ? result.error.code : 'recorded'
}

export async function listOf<T> (items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

export async function stream (log: Log, order: string): Promise<Recorded[]> {
  return await listOf(log.readStream(`acme.order-${order}`))
}

import { uuidv7 } from 'uuidv7'
import { createLookup } from '../api/lookup.ts'
import { createLedger, type Ledger, type LedgerOptions } from '../ledger/ledger.ts'
import type { Log } from '../ledger/log.ts'
import type { Logger } from '../log.ts'
import { createPool, type Pool } from '../postgres/pool.ts'
import { createEraser } from '../privacy/eraser.ts'
import { createErasures, type Erasures } from '../worker/erasure.ts'
import { createRetention, type Retention } from '../worker/retention.ts'

const CONNECTIONS = 2

/**
 * What carries erasures out and removes what is old, with connections of its own: as the worker to
 * know what is asked, as the vault to destroy keys, which takes no master key, and as the API to
 * tell whether an event of its own is in the log already.
 */
export function workerDecisions (
  { databaseUrl: url, log, logger }: { databaseUrl: string, log: Log, logger: Logger }
): { erasures: Erasures, retention: Retention, close: () => Promise<void> } {
  const pool = createPool({ url, role: 'ledger_worker', max: CONNECTIONS })
  const vaultPool = createPool({ url, role: 'ledger_vault', max: CONNECTIONS })
  const apiPool = createPool({ url, role: 'ledger_api', max: CONNECTIONS })
  const { recordOwn: record } = ownRecorder(log, apiPool)
  const eraser = createEraser(vaultPool)
  const common = { pool, log, record, logger, now: Date.now }
  const [erasures, retention] = [createErasures({ ...common, eraser }), createRetention(common)]
  const close = async (): Promise<void> => {
    await Promise.all([pool, vaultPool, apiPool].map(async (each) => { await each.end() }))
  }
  return { erasures, retention, close }
}

/** Appends the ledger's own events, for a process that appends nothing else. */
export function ownRecorder (log: Log, apiPool: Pool): Pick<Ledger, 'recordOwn'> {
  return createLedger({
    log, vault: NO_KEYS, lookup: createLookup(apiPool), now: Date.now, newId: uuidv7
  })
}

/** The ledger's own events seal nothing, so who writes nothing else needs no keys. */
const NO_KEYS: LedgerOptions['vault'] = {
  provision: async () => { throw new TypeError('the worker seals nothing') },
  keys: async () => new Map(),
  find: async () => undefined
}

import { setTimeout as sleep } from 'node:timers/promises'
import { uuidv7 } from 'uuidv7'
import { createLookup } from '../api/lookup.ts'
import type { WebhookMeans } from '../api/services.ts'
import { isLedgerError } from '../errors.ts'
import { createLog, type Decoder } from '../ledger/client.ts'
import { applyFence } from '../ledger/fence.ts'
import { createLedger, type Ledger } from '../ledger/ledger.ts'
import type { Log } from '../ledger/log.ts'
import { isUnavailable } from '../postgres/errors.ts'
import { createPool, type Pool } from '../postgres/pool.ts'
import { createEraser } from '../privacy/eraser.ts'
import type { MasterKey } from '../privacy/master-key.ts'
import { createSigningSecrets } from '../privacy/signing-secrets.ts'
import { createVault, type Vault } from '../privacy/vault.ts'
import { resolveName } from '../webhooks/resolve.ts'
import { openMasterKey } from './master-key.ts'

/** Part of the text of keys that this ledger issues. */
export const KEY_ENVIRONMENT = 'live'

const RETRY_MS = 1_000
const API_CONNECTIONS = 10
/** A page or look-up that takes longer would not be waited for anyway. */
const STATEMENT_TIMEOUT_MS = 30_000

export interface ConnectOptions {
  databaseUrl: string
  eventstoreUrl: string
  logDecoder: Decoder
  masterKeyFile: string
  masterKeyKms?: string | undefined
  webhookLoopback: boolean
  /** Told why it takes longer; then it is tried again until the signal is aborted. */
  onWaiting: (err: unknown) => void
  signal: AbortSignal
}

/** What the API and the first start work with: connections, and the ledger over them. */
export interface Connected {
  pool: Pool
  adminPool: Pool
  listenPool: Pool
  log: Log
  vault: Vault
  ledger: Ledger
  webhooks: WebhookMeans
  close: () => Promise<void>
}

/**
 * Connects to both servers as the roles that the API needs, and opens the vault, waiting for a
 * database that is not there yet. Before it opens anything, the vault loses every key that the log
 * orders destroyed, whatever it was restored from, and so it does again whenever Postgres was away;
 * so it waits for the log too. Throws VAULT_KEY_INVALID for a wrong master key.
 */
export async function connect (options: ConnectOptions): Promise<Connected> {
  const { databaseUrl: url, eventstoreUrl } = options
  const statementTimeoutMs = STATEMENT_TIMEOUT_MS
  const pool = createPool({
    url, role: 'ledger_api', pipeline: true, max: API_CONNECTIONS, statementTimeoutMs
  })
  const adminPool = createPool({ url, role: 'ledger_admin', max: 2, statementTimeoutMs })
  const listenPool = createPool({ url, role: 'ledger_api', max: 1 })
  const vaultPool = createPool({ url, role: 'ledger_vault', max: 4 })
  const pools = [pool, adminPool, listenPool, vaultPool]
  try {
    const log = createLog({ url: eventstoreUrl, decoder: options.logDecoder })
    const masterKey = await openMasterKey(options)
    const vault = await openVault({ pool: vaultPool, masterKey }, log, options)
    const ledger = createLedger({
      log, vault, lookup: createLookup(pool), now: Date.now, newId: uuidv7
    })
    const webhooks = {
      allowLoopback: options.webhookLoopback,
      resolve: resolveName,
      secrets: createSigningSecrets({ pool: vaultPool, masterKey: async () => masterKey })
    }
    const close = async (): Promise<void> => {
      await vault.close()
      await log.close()
      await endAll(pools)
    }
    return { pool, adminPool, listenPool, log, vault, ledger, webhooks, close }
  } catch (err) {
    await endAll(pools)
    throw err
  }
}

async function openVault (
  { pool, masterKey }: { pool: Pool, masterKey: MasterKey }, log: Log, options: ConnectOptions
): Promise<Vault> {
  while (true) {
    try {
      const fence = async (): Promise<unknown> => await applyFence(log, createEraser(pool))
      return await createVault({ pool, masterKey, fence })
    } catch (err) {
      if (!isPassing(err) || options.signal.aborted) throw err
      options.onWaiting(err)
      await sleep(RETRY_MS, undefined, { signal: options.signal }).catch(() => {})
    }
  }
}

function isPassing (err: unknown): boolean {
  return isLedgerError(err, 'DATABASE_UNAVAILABLE') || isLedgerError(err, 'LOG_UNAVAILABLE') ||
    isUnavailable(err)
}

async function endAll (pools: readonly Pool[]): Promise<void> {
  await Promise.all(pools.map(async (pool) => { await pool.end() }))
}

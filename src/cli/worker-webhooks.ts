import { stat } from 'node:fs/promises'
import type { Config } from '../config.ts'
import { LedgerError } from '../errors.ts'
import type { Log } from '../ledger/log.ts'
import type { Logger } from '../log.ts'
import { createPool } from '../postgres/pool.ts'
import type { MasterKey } from '../privacy/master-key.ts'
import { createSigningSecrets } from '../privacy/signing-secrets.ts'
import { resolveName } from '../webhooks/resolve.ts'
import { createWebhooks, type Webhooks } from '../worker/webhooks.ts'
import type { Connections } from './flags.ts'
import { openMasterKey } from './master-key.ts'
import { ownRecorder } from './worker-decisions.ts'

const CONNECTIONS = 4
const STATEMENT_TIMEOUT_MS = 30_000

/**
 * What sends events to webhooks, with connections of its own: as the worker to know how far each
 * is, as the API to read a tenant's events, as the vault for the secrets that sign. The master key
 * is opened when the first webhook needs it; without webhooks a worker does without.
 */
export function workerWebhooks (
  { databaseUrl: url, log, logger, isActive, ...config }: Config & Connections & {
    log: Log, logger: Logger, isActive: () => boolean
  }
): { webhooks: Webhooks, close: () => Promise<void> } {
  const limits = { max: CONNECTIONS, statementTimeoutMs: STATEMENT_TIMEOUT_MS }
  const pool = createPool({ url, role: 'ledger_worker', ...limits })
  const apiPool = createPool({ url, role: 'ledger_api', ...limits })
  const vaultPool = createPool({ url, role: 'ledger_vault', ...limits, max: 1 })
  const masterKey = once(async () => await existingMasterKey(config))
  const webhooks = createWebhooks({
    pool,
    apiPool,
    secrets: createSigningSecrets({ pool: vaultPool, masterKey }),
    targets: { allowLoopback: config.webhookLoopback, resolve: resolveName },
    publicUrl: config.publicUrl,
    record: ownRecorder(log, apiPool).recordOwn,
    logger,
    now: Date.now,
    isActive
  })
  const close = async (): Promise<void> => {
    await Promise.all([pool, apiPool, vaultPool].map(async (each) => { await each.end() }))
  }
  return { webhooks, close }
}

/** A worker on a machine of its own must not make a key that nothing was wrapped under. */
async function existingMasterKey (
  config: Pick<Config, 'masterKeyFile' | 'masterKeyKms'>
): Promise<MasterKey> {
  const { masterKeyFile, masterKeyKms } = config
  const isThere = await stat(masterKeyFile).then(() => true, () => false)
  if (isThere || masterKeyKms !== undefined) return await openMasterKey(config)
  throw new LedgerError('VAULT_KEY_INVALID',
    `webhooks are signed with secrets that the master key opens, and ${masterKeyFile} is not ` +
    'there: give this worker the key that the API has')
}

/** Asked for once; a failure is forgotten. */
function once<T> (work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return async () => {
    result ??= work().catch((err: unknown) => {
      result = undefined
      throw err
    })
    return await result
  }
}

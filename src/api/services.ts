import type { FastifyRequest } from 'fastify'
import { uuidv7 } from 'uuidv7'
import type { Ledger } from '../ledger/ledger.ts'
import type { Log } from '../ledger/log.ts'
import { LedgerError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTenant } from '../postgres/transaction.ts'
import type { SigningSecrets } from '../privacy/signing-secrets.ts'
import type { Vault } from '../privacy/vault.ts'
import type { TargetRules } from '../webhooks/address.ts'
import type { TenantSettings } from '../../schemas/tenant.ts'
import { createAuthenticator, type Authenticator, type Caller } from './auth.ts'
import { createCoalesced, type Coalesced } from './coalesce.ts'
import { createProgress, type Progress } from './consistency.ts'
import { createDenials } from './denials.ts'
import { createDownloads, type RecordDownload } from './exports/downloads.ts'
import { createExportWork, type ExportWork } from './exports/work.ts'
import { findKeyForAuth, touchKey } from './key-store.ts'
import { createLongReads, type HoldPlace } from './long-reads.ts'
import { createMetrics, type ApiMetrics } from './metrics.ts'
import { createReads, type Reads } from './recorded-reads.ts'
import { createRecent, type Recent } from './recent.ts'
import { createShownHeads, type ShownHeads } from './shown-heads.ts'
import { LOG_REGRESSION_STATE, readWorkerState } from './state.ts'
import { readTenant } from './tenant-store.ts'
import { readVocabulary, type Vocabulary } from './vocabulary.ts'

const WORKER_STATE_FRESH_MS = 1_000
/** Texts of about 1.5 KB. */
const SHOWN_MAX = 8_000

/** What the API works with; made, owned and closed by the composition root. */
export interface ApiDeps {
  /** As ledger_api; pipelined or not. */
  pool: Pool
  /** As ledger_admin: tenants and keys across tenants. */
  adminPool: Pool
  /** As ledger_api, one connection: it listens. */
  listenPool: Pool
  log: Log
  ledger: Ledger
  vault: Vault
  logger: Logger
  /** Part of the text of new keys: `al_<environment>_…`, 1 to 16 of a-z0-9. */
  keyEnvironment: string
  webhooks: WebhookMeans
  /** Milliseconds since 1970; the system's clock if left out. */
  now?: (() => number) | undefined
}

/** What webhooks are made and tried with. */
export interface WebhookMeans extends TargetRules {
  secrets: SigningSecrets
}

/** What the routes work with: what was given, and what the API makes of it. */
export interface Services extends ApiDeps {
  now: () => number
  auth: Authenticator
  progress: Progress
  metrics: ApiMetrics
  /** Records that a request was refused for want of a role. */
  denied: (caller: Caller, request: FastifyRequest) => void
  /** What data keys have opened lately, as long as the vault remembers them. */
  shownHeads: ShownHeads
  /** Records who read what. */
  reads: Reads
  /** Records that an export is about to be downloaded. */
  recordDownload: RecordDownload
  /** What all of them count before it is told. */
  coalesced: Coalesced
  /** Exports that are being prepared or sent. */
  exporting: ExportWork
  /** Places for replays and reports. */
  longRead: HoldPlace
  /** What a tenant has chosen, as of five seconds ago at the latest. */
  settings: Recent<TenantSettings>
  /** The actions that a tenant registered, as of five seconds ago at the latest. */
  vocabulary: Recent<Vocabulary>
  /** Throws LOG_REGRESSION while the worker says so: what the log takes then would be lost. */
  requireSoundLog: () => Promise<void>
  /** The secret that cursors are signed with. */
  cursorSecret: () => Promise<Buffer>
}

/** Makes what belongs to one API over its parts. */
export function createServices (deps: ApiDeps): Services {
  const now = deps.now ?? Date.now
  const { pool, ledger, logger, vault } = deps
  const settings = createRecent(async (tenant) => {
    return await inTenant(pool, tenant, async (tx) => (await readTenant(tx, tenant)).settings)
  }, now)
  const requireSoundLog = soundLog(pool, now)
  const coalesced = createCoalesced({
    record: ledger.recordOwn,
    now,
    newId: uuidv7,
    failed: (err) => { logger.error({ err }, 'reads could not be told of yet') }
  })
  return {
    ...deps,
    now,
    auth: createAuthenticator({
      find: async (id) => await findKeyForAuth(pool, id),
      touch: async (id) => { await touchKey(pool, id) }
    }, now),
    settings,
    vocabulary: createRecent(async (tenant) => await readVocabulary(pool, tenant), now),
    progress: createProgress(pool, deps.listenPool),
    metrics: createMetrics(pool),
    denied: createDenials(coalesced),
    shownHeads: createShownHeads(SHOWN_MAX),
    reads: createReads({ vault, settings, requireSoundLog }, coalesced),
    recordDownload: createDownloads(coalesced),
    coalesced,
    exporting: createExportWork(now),
    longRead: createLongReads(),
    requireSoundLog,
    cursorSecret: readOnce(pool)
  }
}

/** Without the database nobody knows better than the log itself, which then answers alone. */
function soundLog (pool: Pool, now: () => number): () => Promise<void> {
  const state = createRecent(async () => await readWorkerState(pool), now, WORKER_STATE_FRESH_MS)
  return async () => {
    const said = await state.get('worker').catch(() => 'unknown')
    if (said !== LOG_REGRESSION_STATE) return
    throw new LedgerError('LOG_REGRESSION', 'appends are refused until the log is whole again')
  }
}

/** The secret never changes, so it is asked for once; a failure is forgotten. */
function readOnce (pool: Pool): () => Promise<Buffer> {
  let secret: Promise<Buffer> | undefined
  const read = async (): Promise<Buffer> => {
    const { rows } = await pool.query<{ value: Buffer }>(
      "select value from control.secret where name = 'cursor-signing'")
    const [row] = rows
    if (row === undefined) throw new Error('control.secret has no cursor-signing: not migrated')
    return row.value
  }
  return async () => {
    secret ??= read().catch((err: unknown) => {
      secret = undefined
      throw err
    })
    return await secret
  }
}

import pg from 'pg'

export type Pool = pg.Pool

/** The roles that a connection may work as; made by the migrations, none can log in. */
export type Role = 'ledger_api' | 'ledger_worker' | 'ledger_vault' | 'ledger_admin'

export interface PoolOptions {
  readonly url: string
  /** Taken for every session; only migrations and their tests go without. */
  readonly role?: Role | undefined
  /** Connections at most; 10 if left out. */
  readonly max?: number | undefined
  readonly applicationName?: string | undefined
  /** Statements are sent without waiting for the answers before them; no COPY, no cursors. */
  readonly pipeline?: boolean | undefined
  /** Longest time of one statement, kept by the server; unlimited if left out. */
  readonly statementTimeoutMs?: number | undefined
}

export const CONNECT_TIMEOUT_MS = 5_000
/** The server ends a late statement itself; so much later it is taken for gone. */
const SERVER_GONE_MS = 5_000
const KEEPALIVE_MS = 10_000
const IDLE_MS = 60_000
/** A process that froze inside a transaction must not hold its locks for ever. */
export const IDLE_IN_TRANSACTION_MS = 30_000

/**
 * Connections that work as one role. The role is a startup option and not a later SET ROLE: there
 * is no moment without it and no round trip for it, and RESET ROLE or DISCARD ALL go back to the
 * role instead of away from it. (PgBouncer must be told to pass `options` on.)
 * 64-bit numbers come as bigint. A lost connection fails the statement under way and nothing else.
 */
export function createPool (options: PoolOptions): Pool {
  const { statementTimeoutMs } = options
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max ?? 10,
    application_name: options.applicationName ?? 'audit-ledger',
    pipeline: options.pipeline ?? false,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_MS,
    types: TYPES,
    ...(options.role === undefined ? {} : { options: `-c role=${options.role}` }),
    ...(statementTimeoutMs === undefined
      ? {}
      : {
          statement_timeout: statementTimeoutMs,
          query_timeout: statementTimeoutMs + SERVER_GONE_MS
        })
  })
  // Node ends the process over an 'error' event that nobody hears; the statement under way, if
  // any, rejects with the same error, so there is nothing left to do here.
  pool.on('error', ignore)
  pool.on('connect', (client) => { client.on('error', ignore) })
  return pool
}

function ignore (): void {}

const INT8_ARRAY = 1016
const TYPES = new pg.TypeOverrides()
TYPES.setTypeParser(pg.types.builtins.INT8, BigInt)
TYPES.setTypeParser(INT8_ARRAY, parseInt8Array)

/** Of one dimension, as `array_agg` makes it: `{1,NULL,3}`. */
function parseInt8Array (text: string): Array<bigint | null> {
  const items = text.slice(1, -1)
  if (items === '') return []
  return items.split(',').map((item) => item === 'NULL' ? null : BigInt(item))
}

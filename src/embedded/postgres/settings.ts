/**
 * The server's settings. What makes a commit durable (fsync, synchronous_commit,
 * full_page_writes) stays as Postgres has it: on.
 */
export const SETTINGS: Readonly<Record<string, string>> = {
  // Loopback only: the bundled OpenSSL is past its end of life, so there is no TLS.
  listen_addresses: '127.0.0.1',
  max_connections: '100',
  shared_buffers: '256MB',
  // There is nobody to replicate to, and without that a table filled in the transaction that
  // made it needs no WAL: rebuilds write less.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  effective_cache_size: '1GB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off'
}

/** The settings as arguments of `postgres`. */
export function settingArguments (settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

import { loadConfig, type Config } from '../config.ts'
import { LedgerError } from '../errors.ts'
import type { Flag, Given } from './command.ts'

export const DATA_FLAG: Record<string, Flag> = {
  data: { value: 'DIR', help: 'Folder for keys and embedded servers (default ./data)' }
}

export const LOG_FLAG: Record<string, Flag> = {
  'log-level': { value: 'LEVEL', help: 'trace, debug, info, warn, error or silent' }
}

export const LISTEN_FLAGS: Record<string, Flag> = {
  host: { value: 'ADDRESS', help: 'Address the API listens on (default 127.0.0.1)' },
  port: { value: 'N', help: 'Port the API listens on (default 4600)' }
}

/** The configuration of a command: what was typed over what the environment says. */
export function configOf ({ flags }: Given): Config {
  const { data, host, port, 'log-level': level } = flags
  return loadConfig(process.env, { data, host, port, 'log-level': level })
}

/** The configuration of a process that needs servers to be there. Throws CONFIG_INVALID. */
export function connectedConfigOf (given: Given): Config & Connections {
  const config = configOf(given)
  const { eventstoreUrl, databaseUrl } = config
  if (eventstoreUrl === undefined || databaseUrl === undefined) {
    const missing = eventstoreUrl === undefined ? 'EVENTSTORE_URL' : 'DATABASE_URL'
    throw new LedgerError('CONFIG_INVALID',
      `${missing} is not set. This command connects to servers that run already; ` +
      '`audit-ledger start` brings its own.')
  }
  return { ...config, eventstoreUrl, databaseUrl }
}

export interface Connections {
  readonly eventstoreUrl: string
  readonly databaseUrl: string
}

import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from '../config.ts'
import { spawnNode } from '../embedded/eventstore/spawn.ts'
import { startPostgres } from '../embedded/postgres/start.ts'
import { bootstrap, type KeyFiles } from './bootstrap.ts'
import type { Connections } from './flags.ts'
import { startProcess } from './process.ts'
import { holdAlone } from './single.ts'
import { supervise, type Service, type Supervised } from './supervise.ts'

export interface BootedLedger {
  /** `http://host:port` */
  address: string
  keys: KeyFiles
  /** What to tell a user who sees the ledger running for the first time. */
  banner: string
  /** Stops API, worker and what was started for them, in that order. */
  stop: () => Promise<void>
}

type Say = (text: string) => void

/** What has been started so far; stopped in reverse order, whatever happens on the way. */
interface Parts {
  add: (stop: () => Promise<void>) => void
  stopAll: () => Promise<void>
}

export interface BootOptions {
  say: Say
  /** Tenants that get a key for the sample. */
  demoTenants?: readonly string[]
  signal: AbortSignal
}

/**
 * Starts the whole ledger on one machine and keeps its parts running. Parts that the
 * configuration has addresses for are used where they are. Throws what keeps it from starting,
 * after stopping what had been started.
 */
export async function bootLedger (config: Config, options: BootOptions): Promise<BootedLedger> {
  const { say, demoTenants = [], signal } = options
  await mkdir(config.dataDir, { recursive: true })
  const parts = stack()
  const release = await holdAlone(config.dataDir)
  parts.add(async () => { release() })
  try {
    const connections = {
      databaseUrl: config.databaseUrl ?? await embeddedPostgres(config, say, parts),
      eventstoreUrl: config.eventstoreUrl ?? await embeddedNode(config, say, parts)
    }
    const embedded = config.databaseUrl === undefined
    const devKey = embedded && config.eventstoreUrl === undefined
    const keys = await bootstrap({ ...config, ...connections },
      { devKey, newAdminKey: embedded, demoTenants, signal }, say)
    await ledgerProcesses(config, connections, { say, parts })
    const address = `http://${config.host}:${config.port}`
    return { address, keys, banner: banner(config, address, keys), stop: parts.stopAll }
  } catch (err) {
    await parts.stopAll()
    throw err
  }
}

async function embeddedPostgres (config: Config, say: Say, parts: Parts): Promise<string> {
  const dataDir = path.join(config.dataDir, 'postgres')
  let port = 0
  let url = ''
  const start = async (): Promise<Service> => {
    const server = await startPostgres({ dataDir, port, onProgress: say })
    port = server.port
    url = server.url
    return server
  }
  add(parts, await supervise('Postgres', start, say))
  say(`Postgres is ready on port ${port}`)
  return url
}

async function embeddedNode (config: Config, say: Say, parts: Parts): Promise<string> {
  const dataDir = path.join(config.dataDir, 'eventstore')
  let port = 0
  let url = ''
  const start = async (): Promise<Service> => {
    const node = await spawnNode({ dataDir, port })
    port = node.port
    url = node.url
    return node
  }
  add(parts, await supervise('The event store node', start, say))
  say(`The event store node is ready on port ${port}`)
  return url
}

async function ledgerProcesses (
  config: Config, { databaseUrl, eventstoreUrl }: Connections, { say, parts }: {
    say: Say, parts: Parts
  }
): Promise<void> {
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    EVENTSTORE_URL: eventstoreUrl,
    MASTER_KEY_FILE: config.masterKeyFile,
    MASTER_KEY_KMS: config.masterKeyKms,
    SEALING_KEY_FILE: config.sealingKeyFile,
    WITNESSES_FILE: config.witnessesFile,
    LEDGER_DATA: config.dataDir,
    LEDGER_HOST: config.host,
    LEDGER_PORT: String(config.port),
    LEDGER_NAME: config.name,
    LEDGER_SCRUB_DAYS: String(config.scrubDays),
    LEDGER_LOG_LEVEL: config.logLevel ?? 'warn'
  }
  add(parts, await supervise('The worker', () => startProcess(['work'], env), say))
  add(parts, await supervise('The API', () => startProcess(['serve'], env), say))
}

function add (parts: Parts, supervised: Supervised): void {
  parts.add(supervised.stop)
}

function stack (): Parts {
  const stops: Array<() => Promise<void>> = []
  return {
    add: (stop) => { stops.push(stop) },
    stopAll: async () => {
      for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop()
    }
  }
}

/** The sample line must work when pasted into a shell standing anywhere. */
function banner (config: Config, address: string, { admin, dev: key }: KeyFiles): string {
  const lines = [
    '',
    `The ledger runs at ${address} and explains itself at ${address}/docs`,
    `Data lies in ${config.dataDir}`,
    `Keys: ${admin ?? 'the admin key, kept where it was made,'} administers the server`
  ]
  if (key === undefined) return lines.join('\n')
  const event = JSON.stringify({
    action: 'order.updated',
    category: 'change',
    outcome: 'success',
    actor: { type: 'user', id: 'u-81', name: 'Alice' },
    entity: { type: 'order', id: '456' },
    before: { status: 'pending' },
    after: { status: 'paid' }
  })
  return [
    ...lines,
    `      ${key} appends and reads in tenant "default"`,
    '',
    'Record an event, then read what that person did:',
    `  curl -s ${address}/v1/events -H "Authorization: Bearer $(cat '${key}')" \\`,
    `    -H 'Content-Type: application/json' -d '${event}'`,
    `  curl -s ${address}/v1/users/u-81/events -H "Authorization: Bearer $(cat '${key}')"`,
    '',
    'Ctrl-C stops it.'
  ].join('\n')
}

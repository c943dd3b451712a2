/**
 * A durable single node that speaks EventStoreDB's gRPC protocol, in this process.
 */
import { mkdirSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { NO_STREAM } from './wire/append.ts'
import { createEngine, type Engine } from './engine/engine.ts'
import { createAuthenticate, type User } from './server/authenticate.ts'
import { createRoutes } from './server/routes.ts'
import { startServer } from './server/server.ts'
import { lockDirectory } from './storage/lock.ts'
import { Log, openLogFile } from './storage/log.ts'
import { openLog } from './storage/open.ts'
import { keepSnapshots } from './storage/snapshotter.ts'

export interface NodeOptions {
  /** Created when it is missing; one node at a time. */
  readonly dataDir: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** The most data bytes of one append call; default 1 MiB. */
  readonly maxAppendSize?: number
  /** Certificate and key as PEM text. */
  readonly tls?: { readonly cert: string, readonly key: string } | undefined
  /** Who may call; needs TLS. Without any, everybody is the administrator. */
  readonly users?: readonly User[]
  /** Write the index when the log has grown by this much; for tests. */
  readonly snapshotEveryBytes?: number
  /** Told in a sentence what was repaired at the start. */
  readonly report?: (message: string) => void
  /** Told when the log fails; the node takes nothing more and should be ended. */
  readonly onFailure?: (error: Error) => void
  readonly now?: () => number
}

export interface RunningNode {
  /** The connection string for the official client. */
  readonly url: string
  readonly port: number
  /** Answers what is under way, tells clients to go, and closes the log. */
  stop (): Promise<void>
}

/** A node that would be open to strangers. */
export class UnsafeNodeError extends Error {
  override readonly name = 'UnsafeNodeError'
}

/**
 * Opens the data directory and listens; settles when clients can connect.
 * @throws {UnsafeNodeError} for an address that is not loopback, without TLS and users.
 */
export async function startNode (options: NodeOptions): Promise<RunningNode> {
  requireSafety(options)
  const { dataDir } = options
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const unlock = await lockDirectory(dataDir)
  let close = async () => { unlock() }
  try {
    const storage = openStorage(options)
    close = async () => {
      await storage.close()
      unlock()
    }
    await addFirstEvents(storage.engine)
    return await serve(storage.engine, options, close)
  } catch (error) {
    await close()
    throw error
  }
}

/** Clients send credentials over TLS only, so users without it would lock everybody out. */
function requireSafety ({ host = LOOPBACK, tls, users = [] }: NodeOptions): void {
  if (users.length > 0 && tls === undefined) {
    throw new UnsafeNodeError('users need TLS: clients send no passwords without it')
  }
  const isLoopback = host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host)
  if (!isLoopback && (tls === undefined || users.length === 0)) {
    throw new UnsafeNodeError(`${host} is not a loopback address: that needs TLS and users`)
  }
}

function openStorage (options: NodeOptions): { engine: Engine, close: () => Promise<void> } {
  const { now = Date.now, report = () => {}, onFailure = () => {} } = options
  const opened = openLog(options.dataDir, report)
  const log = new Log({ file: openLogFile(opened.path), end: opened.end, onFailure })
  const snapshots = keepSnapshots(opened, log, {
    report,
    ...(options.snapshotEveryBytes === undefined ? {} : { everyBytes: options.snapshotEveryBytes })
  })
  const engine = createEngine({
    log,
    index: opened.index,
    now,
    ...(options.maxAppendSize === undefined ? {} : { maxAppendBytes: options.maxAppendSize })
  })
  return {
    engine,
    async close () {
      await snapshots.close()
      await log.close()
    }
  }
}

const LOOPBACK = '127.0.0.1'

async function serve (
  engine: Engine, options: NodeOptions, close: () => Promise<void>
): Promise<RunningNode> {
  const { host = LOOPBACK, tls } = options
  let port = options.port ?? 0
  const routes = createRoutes({
    engine, authenticate: createAuthenticate(options.users ?? []), port: () => port
  })
  const server = await startServer({ host, port, tls, onCall: routes.serve })
  port = server.port
  const stop = async () => {
    await routes.endAll()
    await server.close()
    await close()
  }
  let stopping: Promise<void> | undefined
  return {
    url: `esdb://${host.includes(':') ? `[${host}]` : host}:${port}?tls=${tls !== undefined}`,
    port,
    stop: () => (stopping ??= stop())
  }
}

/** A fresh database of the real server begins with its system users, too. */
async function addFirstEvents (engine: Engine): Promise<void> {
  if (engine.index.streams.size > 0) return
  for (const [loginName, fullName, group] of SYSTEM_USERS) {
    const data = { loginName, fullName, disabled: false, groups: [group] }
    await engine.append(`$user-${loginName}`, NO_STREAM, [{
      id: randomUUID(),
      type: '$UserCreated',
      contentType: 'application/json',
      metadata: Buffer.alloc(0),
      data: Buffer.from(JSON.stringify(data))
    }])
  }
}

const SYSTEM_USERS = [
  ['admin', 'Event Store Administrator', '$admins'],
  ['ops', 'Event Store Operations', '$ops']
] as const

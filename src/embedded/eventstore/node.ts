/**
 * A durable single node that speaks EventStoreDB's gRPC protocol, in this process.
 */
import { mkdirSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { ADMIN } from './engine/access.ts'
import { NO_STREAM } from './engine/append-rules.ts'
import { createEngine, type Engine } from './engine/engine.ts'
import { createRoutes } from './server/routes.ts'
import { startServer } from './server/server.ts'
import { lockDirectory } from './storage/lock.ts'
import { Log, openLogFile } from './storage/log.ts'
import { openLog, type OpenedLog } from './storage/open.ts'

export interface NodeOptions {
  /** Created when it is missing; one node at a time. */
  readonly dataDir: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** The most data bytes of one append call; default 1 MiB. */
  readonly maxAppendSize?: number
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

/** Opens the data directory and listens; settles when clients can connect. */
export async function startNode (options: NodeOptions): Promise<RunningNode> {
  const { dataDir, host = '127.0.0.1', now = Date.now, report = () => {} } = options
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const unlock = await lockDirectory(dataDir)
  try {
    const opened = openLog(dataDir, report)
    const log = openForAppends(opened, options)
    const engine = createEngine({
      log,
      index: opened.index,
      now,
      ...(options.maxAppendSize === undefined ? {} : { maxAppendBytes: options.maxAppendSize })
    })
    await addFirstEvents(engine)
    return await serve(engine, { host, port: options.port ?? 0 }, async () => {
      await log.close()
      unlock()
    })
  } catch (error) {
    unlock()
    throw error
  }
}

function openForAppends ({ path, end }: OpenedLog, { onFailure }: NodeOptions): Log {
  return new Log({ file: openLogFile(path), end, onFailure: onFailure ?? (() => {}) })
}

async function serve (
  engine: Engine, address: { host: string, port: number }, close: () => Promise<void>
): Promise<RunningNode> {
  let port = 0
  const routes = createRoutes({ engine, authenticate: () => ADMIN, port: () => port })
  const server = await startServer({ ...address, onCall: routes.serve })
  port = server.port
  return {
    url: `esdb://${address.host}:${port}?tls=false`,
    port,
    async stop () {
      await routes.endAll()
      await server.close()
      await close()
    }
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

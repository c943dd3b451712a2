/** Which handler serves which call. */
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Identity } from '../engine/access.ts'
import type { Engine } from '../engine/engine.ts'
import { clusterInfoMessage, supportedMethodsMessage } from '../wire/services.ts'
import { handleAppend, handleDelete, handleTombstone } from './append.ts'
import { handleBatchAppend } from './batch-append.ts'
import { openCall, type Call } from './call.ts'
import type { Context } from './node-context.ts'
import { handleRead } from './read.ts'
import { CODE, OK } from './status.ts'

/** Finds out who calls; nothing means wrong credentials. */
export type Authenticate = (headers: IncomingHttpHeaders) => Identity | undefined

export interface RoutesOptions {
  readonly engine: Engine
  readonly authenticate: Authenticate
  /** The port for clients that ask the cluster where its leader is. */
  readonly port: () => number
}

/** The calls of a node: what serves them, and how to end them all. */
export interface Routes {
  serve (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void
  /**
   * Ends every call with a status that makes clients connect again. Appends under way are answered
   * before, if the log still works.
   */
  endAll (): Promise<void>
}

type Handler = (call: Call, context: Context) => void

const STREAMS: Readonly<Record<string, Handler>> = {
  Append: handleAppend,
  BatchAppend: handleBatchAppend,
  Read: handleRead,
  Delete: handleDelete,
  Tombstone: handleTombstone
}

/** The routes of one node. */
export function createRoutes (options: RoutesOptions): Routes {
  const { engine, authenticate, port } = options
  const instanceId = randomUUID()
  const calls = new Set<Call>()

  /** Services that every client may ask before it says who it is. */
  function serveOpenly (path: string, call: Call): boolean {
    const answer = openAnswer(path, call.headers)
    if (answer === undefined) return false
    call.receive(() => {}, () => {})
    call.send(answer)
    call.finish(OK)
    return true
  }

  function openAnswer (path: string, headers: IncomingHttpHeaders): Buffer | undefined {
    switch (path) {
      case '/event_store.client.server_features.ServerFeatures/GetSupportedMethods':
        return supportedMethodsMessage()
      case '/event_store.client.gossip.Gossip/Read':
        return clusterInfoMessage(instanceId, hostOf(headers), port(), engine.now())
      default: return undefined
    }
  }

  function serve (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const call = openCall(stream, headers)
    const path = headers[':path'] ?? ''
    calls.add(call)
    call.signal.addEventListener('abort', () => { calls.delete(call) })
    if (serveOpenly(path, call)) return
    const [, service, method] = path.split('/')
    const handler = service === 'event_store.client.streams.Streams' && method !== undefined
      ? STREAMS[method]
      : undefined
    if (handler === undefined) {
      call.finish({ code: CODE.unimplemented, message: `${path} is not implemented` })
      return
    }
    const identity = authenticate(headers)
    if (identity === undefined) {
      call.finish({ code: CODE.unauthenticated, message: 'wrong user name or password' })
      return
    }
    handler(call, { engine, identity })
  }

  async function endAll (): Promise<void> {
    await engine.log.flushed().catch(() => {})
    // The answers to what has just become durable are given before this turn ends.
    await new Promise((resolve) => { setImmediate(resolve) })
    for (const call of calls) {
      call.finish({ code: CODE.cancelled, message: 'the node is stopping' })
    }
  }

  return { serve, endAll }
}

/** The name by which the client reached this node. */
function hostOf (headers: IncomingHttpHeaders): string {
  const authority = headers[':authority'] ?? '127.0.0.1'
  return authority.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
}

/** `audit-ledger/client/fastify`: the calls that a Fastify application answers, on record. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { apiCallEvent, type ApiCall, type ApiCallOptions } from './api-call.ts'
import { createRecorder, type RecorderOptions } from './recorder.ts'

export interface AuditCallsOptions extends ApiCallOptions, RecorderOptions {
  /** Who called; anonymous if it is not given. Asked when the call is over. */
  actor?: (request: FastifyRequest) => ApiCall['actor']
  /** What the call is about, if it can be told. */
  entity?: (request: FastifyRequest) => ApiCall['entity']
  /** Calls that are not worth a record: those of health checks, perhaps. */
  skip?: (request: FastifyRequest, reply: FastifyReply) => boolean
  /** Names of request headers to keep; none. Credentials among them are redacted all the same. */
  headers?: readonly string[]
  /** Keeps bodies, redacted and bounded; neither, if nothing is said. */
  bodies?: { request?: boolean, response?: boolean }
}

/** Longer responses are more than a record keeps, and not worth parsing. */
const PARSED_MAX = 65_536

/**
 * A Fastify plugin that records every call when it is over: method, route, status, duration, who,
 * and with which ids. The response is never delayed and never broken by it: what the client's
 * buffer has no room for is dropped, and counted in its stats.
 */
async function auditCalls (app: FastifyInstance, options: AuditCallsOptions): Promise<void> {
  const { actor, entity, skip, bodies = {}, headers = [] } = options
  const recorder = createRecorder(options)
  const over = new WeakSet<FastifyRequest>()
  const responses = new WeakMap<FastifyRequest, unknown>()

  function record (request: FastifyRequest, reply: FastifyReply, isAnswered: boolean): void {
    if (over.has(request)) return
    over.add(request)
    recorder.record(() => {
      if (skip?.(request, reply) === true) return undefined
      return apiCallEvent({
        ...outlineOf(request, reply),
        aborted: !isAnswered,
        actor: recorder.attempt(() => actor?.(request)),
        entity: recorder.attempt(() => entity?.(request)),
        headers: headers.length === 0 ? undefined : pick(request.headers, headers),
        request: bodies.request === true ? request.body : undefined,
        response: responses.get(request)
      }, options)
    })
  }

  app.addHook('onRequest', (request, reply, done) => {
    // There is no response to a caller who went away, but what was called has happened.
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) record(request, reply, false)
    })
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    record(request, reply, true)
    done()
  })
  if (bodies.response === true) {
    app.addHook('onSend', (request, _reply, payload, done) => {
      responses.set(request, bodyOf(payload))
      done()
    })
  }
}

function outlineOf (request: FastifyRequest, reply: FastifyReply): Omit<ApiCall, 'actor'> {
  return {
    method: request.method,
    route: request.routeOptions.url,
    statusCode: reply.raw.headersSent ? reply.raw.statusCode : undefined,
    durationMs: reply.elapsedTime,
    ip: request.ip,
    userAgent: request.headers['user-agent'],
    requestId: request.id,
    traceparent: textOf(request.headers['traceparent'])
  }
}

/** JSON as what it says, other texts as they are; of streams and bytes only that they were. */
function bodyOf (payload: unknown): unknown {
  if (typeof payload !== 'string') {
    return payload === null || payload === undefined ? undefined : { cut: true }
  }
  if (payload.length > PARSED_MAX) return { cut: true, bytes: Buffer.byteLength(payload) }
  try {
    return JSON.parse(payload)
  } catch {
    return payload
  }
}

function pick (headers: Record<string, unknown>, names: readonly string[]) {
  return Object.fromEntries(names.map((name) => name.toLowerCase())
    .filter((name) => headers[name] !== undefined)
    .map((name) => [name, headers[name]]))
}

function textOf (value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** For the whole application: without this mark its hooks would see the plugin's own scope only. */
export const auditLedger = Object.assign(auditCalls, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'audit-ledger'
})

import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiCallEvent, type ApiCall, type ApiCallOptions } from './api-call.ts'
import { createRecorder, type RecorderOptions } from './recorder.ts'

/** What frameworks of Express's kind add to a request; all of it may be missing. */
export interface MiddlewareRequest extends IncomingMessage {
  baseUrl?: string
  route?: { path?: unknown }
  ip?: string | undefined
  id?: unknown
  body?: unknown
}

export interface MiddlewareOptions<R extends IncomingMessage>
  extends ApiCallOptions, RecorderOptions {
  /** Who called; anonymous if it is not given. Asked when the call is over. */
  actor?: (request: R) => ApiCall['actor']
  /** What the call is about, if it can be told. */
  entity?: (request: R) => ApiCall['entity']
  /** Calls that are not worth a record. */
  skip?: (request: R, response: ServerResponse) => boolean
  /** Keeps the request's body, redacted and bounded. */
  requestBody?: boolean
}

/**
 * Middleware for Express, Nest and whatever else calls `(request, response, next)`: records every
 * call when it is over, like the Fastify plugin. Use it before the routes; it never waits.
 */
export function auditMiddleware<R extends IncomingMessage = MiddlewareRequest> (
  options: MiddlewareOptions<R>
): (request: R, response: ServerResponse, next: () => void) => void {
  const { actor, entity, skip, requestBody = false } = options
  const recorder = createRecorder(options)
  return (request, response, next) => {
    const startedAt = performance.now()
    // After the last byte, and also when the caller went away before.
    response.once('close', () => {
      recorder.record(() => {
        if (skip?.(request, response) === true) return undefined
        return apiCallEvent({
          ...outlineOf(request, response),
          durationMs: performance.now() - startedAt,
          actor: recorder.attempt(() => actor?.(request)),
          entity: recorder.attempt(() => entity?.(request)),
          request: requestBody ? (request as MiddlewareRequest).body : undefined
        }, options)
      })
    })
    next()
  }
}

function outlineOf (
  request: MiddlewareRequest, response: ServerResponse
): Omit<ApiCall, 'actor' | 'durationMs'> {
  const { headers, route, baseUrl = '', id, ip } = request
  const { 'x-request-id': requestId, traceparent } = headers
  return {
    method: request.method,
    route: route?.path === undefined ? undefined : `${baseUrl}${String(route.path)}`,
    statusCode: response.headersSent ? response.statusCode : undefined,
    aborted: !response.writableFinished,
    ip: ip ?? request.socket.remoteAddress,
    userAgent: headers['user-agent'],
    requestId: [id, requestId].find((text) => typeof text === 'string'),
    traceparent: typeof traceparent === 'string' ? traceparent : undefined
  }
}

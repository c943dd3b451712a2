import type { Actor, Context, EntityRef, EventInput, EventOf } from './event.ts'
import { outcomeOf } from './outcome.ts'
import { storableActor, storableEntity } from './party.ts'
import { redact, type RedactOptions } from './redact.ts'
import { storable, storableText } from './storable.ts'

/** A call that an API answered, or whose caller went away. */
export interface ApiCall {
  method: string | undefined
  /** The route's pattern, never the address itself, which may hold anything. */
  route: string | undefined
  /** Undefined: there was no answer. */
  statusCode: number | undefined
  /** The caller went away before the answer was complete. */
  aborted?: boolean | undefined
  durationMs: number
  /** Anonymous if there is none. */
  actor: Actor | undefined
  entity?: EntityRef | undefined
  ip?: string | undefined
  userAgent?: string | undefined
  requestId?: string | undefined
  traceparent?: string | undefined
  headers?: Record<string, unknown> | undefined
  request?: unknown
  response?: unknown
}

/** How calls become events. */
export interface ApiCallOptions {
  /** The action; `api.called`. */
  action?: string
  redact?: RedactOptions
  /** Bytes of JSON that a body may have; larger ones are left out. 8,192, at most 16,384. */
  bodyMaxBytes?: number
}

/** What stands for a call that no route was found for. */
export const NO_ROUTE = 'no route'
const BODY_MAX_BYTES = 8_192
const BODY_MOST_BYTES = 16_384
const HEADERS_MAX_BYTES = 4_096

/** The event of a call: whatever the caller sent, the ledger takes it. */
export function apiCallEvent (call: ApiCall, options: ApiCallOptions = {}): EventInput {
  const { action = 'api.called', bodyMaxBytes = BODY_MAX_BYTES } = options
  const max = Math.min(bodyMaxBytes, BODY_MOST_BYTES)
  // Bounded first: nobody is to make the redaction of what they send expensive.
  const shown = (value: unknown, max: number): unknown =>
    redact(storable(value, max), options.redact)
  const { statusCode } = call
  const entity = storableEntity(call.entity)
  const headers = call.headers && shown(call.headers, HEADERS_MAX_BYTES)
  const event: EventOf<'api'> = {
    action,
    category: 'api',
    actor: storableActor(call.actor),
    ...entity && { entity },
    outcome: statusCode === undefined ? 'failure' : outcomeOf(statusCode),
    context: contextOf(call),
    data: {
      ...methodOf(call.method),
      endpoint: storableText(call.route ?? NO_ROUTE, 4_096),
      ...statusCode !== undefined && { statusCode },
      ...call.aborted === true && { aborted: true },
      durationMs: Math.max(0, Math.round(call.durationMs * 1_000) / 1_000),
      ...typeof headers === 'object' && headers !== null && { headers: { ...headers } },
      ...call.request !== undefined && { request: shown(call.request, max) },
      ...call.response !== undefined && { response: shown(call.response, max) }
    }
  }
  return event
}

function methodOf (method: string | undefined): { method?: string } {
  return method !== undefined && /^[A-Z]{3,16}$/.test(method) ? { method } : {}
}

/** Only what the ledger takes as such: the rest of a call is not lost for an odd header. */
function contextOf ({ ip, userAgent, requestId, traceparent }: ApiCall): Context {
  const isTrace = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent ?? '')
  return {
    ...ip !== undefined && ip.length >= 2 && { ip: storableText(ip, 64) },
    ...userAgent !== undefined && userAgent !== '' && {
      userAgent: storableText(userAgent, 1_024)
    },
    ...requestId !== undefined && requestId !== '' && { requestId: storableText(requestId, 256) },
    ...traceparent !== undefined && isTrace && { traceparent }
  }
}

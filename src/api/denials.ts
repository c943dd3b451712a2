import type { FastifyRequest } from 'fastify'
import type { Caller } from './auth.ts'
import { ONCE, type Coalesced } from './coalesce.ts'
import { deniedEvent, historyOf } from './own-events.ts'

/**
 * Records who was refused what, those of one key at one route together: a loop in a client must
 * not fill the log. A refusal gives nothing out, so it does not wait for the log.
 */
export function createDenials (
  coalesced: Coalesced
): (caller: Caller, request: FastifyRequest) => void {
  return (caller, request) => {
    const { method, url = '', config: { roles: needs = [] } } = request.routeOptions
    const operation = `${String(method)} ${url}`
    coalesced.tell(`denied ${caller.keyId} ${operation}`, ONCE, async () => ({
      tenant: historyOf(caller.tenant),
      say: (tally) => deniedEvent(caller, { operation, needs }, tally)
    })).catch((err: unknown) => {
      request.log.error({ err }, 'a refusal could not be recorded')
    })
  }
}

import { hash, randomBytes } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Role } from '../../schemas/http/api-keys.ts'
import { ERRORS, LedgerError } from '../errors.ts'
import { callerOf, tenantOf } from './auth.ts'
import type { Coalesced, Tally, Telling } from './coalesce.ts'
import type { App } from './endpoint.ts'
import { readEvent } from './own-events.ts'
import { toLedgerError } from './problems.ts'
import { describeFilters, isPaging, type DescribedFilters } from './read-filters.ts'
import type { Services } from './services.ts'

/** Who reads events. A route that serves one of them gives events out, or what was made of them. */
const READERS: readonly Role[] = ['self', 'auditor', 'compliance']

/**
 * Routes of readers that are not recorded here: signatures and hashes, words, and what the ledger
 * itself decided about persons, holds and old rows give out no events; exports record themselves.
 */
export const NO_EVENTS: ReadonlySet<string> = new Set([
  '/v1/checkpoint', '/v1/checkpoints', '/v1/proofs/consistency', '/v1/schemas',
  '/v1/schemas/:action', '/v1/erasures', '/v1/erasures/:id', '/v1/erasures/:id/certificate',
  '/v1/holds', '/v1/retention-policies', '/v1/retention-policies/:id',
  '/v1/retention-policies/:id/preview', '/v1/exports', '/v1/exports/:id', '/v1/exports/:id/download'
])

const TILES = '/v1/tile/*'
/** Events of a stream that are counted in one go. */
export const COUNTED_TOGETHER = 1_000

declare module 'fastify' {
  interface FastifyRequest {
    /** How many events the answer gives out; undefined where that is not counted (yet). */
    eventsRead: number | undefined
  }
}

/** Records who read what. */
export interface Reads {
  /**
   * A read is on record before this resolves: as an event, or counted to one of the last ten
   * minutes. `times: 0` goes on with a read, for answers that are streams. Throws what has status
   * 503 when the log cannot take it: then nothing may be given out.
   */
  record (request: FastifyRequest, tally: Tally): Promise<void>
}

type Needs = Pick<Services, 'vault' | 'settings' | 'requireSoundLog'>

/** Reads of one key with the same filter are an event in ten minutes, and another that counts. */
export function createReads (services: Needs, coalesced: Coalesced): Reads {
  // Keys of the windows lie in memory for minutes: they do not say who was looked for.
  const salt = randomBytes(16).toString('hex')
  const keyOf = (request: FastifyRequest, said: DescribedFilters): string =>
    hash('sha256', salt + whatOf(request, said), 'base64')
  return {
    async record (request, tally) {
      try {
        const said = await describe(services, request)
        await coalesced.tell(keyOf(request, said), tally, async () => {
          await services.requireSoundLog()
          return tellingOf(request, said)
        })
      } catch (cause) {
        const error = toLedgerError(cause)
        if (ERRORS[error.code].status === 503) throw error
        throw new LedgerError('LOG_UNAVAILABLE', 'a read could not be recorded', {
          cause, retryAfterS: 1
        })
      }
    }
  }
}

/** What an answer gives out is on record before it leaves, or it does not leave. */
export function recordReads (scope: App, { reads }: Pick<Services, 'reads'>): void {
  scope.decorateRequest('eventsRead', undefined)
  scope.addHook('onSend', async (request, reply, payload) => {
    if (reply.statusCode >= 400 || !givesEvents(request)) return payload
    try {
      await reads.record(request, { times: 1, rows: request.eventsRead ?? 0 })
    } catch (err) {
      if (isDestroyable(payload)) payload.destroy()
      reply.header('cache-control', 'no-store')
      throw err
    }
    return payload
  })
}

/** Counts the events that an answer which is a stream has given out until now to its read. */
export function countingOn (
  reads: Reads, request: FastifyRequest
): (total: number) => Promise<void> {
  let counted = 0
  return async (total) => {
    const rows = total - counted
    counted = total
    if (rows > 0) await reads.record(request, { times: 0, rows })
  }
}

/** Whether a route gives out events: unless it is known not to, every GET of readers does. */
export function isReading (method: unknown, url: string, roles: readonly Role[] = []): boolean {
  return method === 'GET' && !NO_EVENTS.has(url) && roles.some((role) => READERS.includes(role))
}

function givesEvents ({ routeOptions, params }: FastifyRequest): boolean {
  const { method, url = '', config } = routeOptions
  if (!isReading(method, url, config.roles)) return false
  // Of the tree's tiles, only those of entries are more than hashes.
  return url !== TILES || /^entries\//.test(String(Reflect.get(Object(params), '*')))
}

/**
 * The same text for the same key, route and filter, whichever page is asked for. What is said of it
 * counts too: who was looked for in vain is another reading as soon as somebody is found.
 */
function whatOf (request: FastifyRequest, said: DescribedFilters): string {
  const { method, url = '' } = request.routeOptions
  const asked = [request.params, request.query].flatMap((part) =>
    Object.entries(Object(part)).filter(([name]) => !isPaging(name)).sort(byName))
  return JSON.stringify([callerOf(request).keyId, method, url, asked, said])
}

function byName ([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : Number(one > other)
}

async function describe (services: Needs, request: FastifyRequest): Promise<DescribedFilters> {
  const { routeOptions: { url = '' }, params, query, eventsRead = 0 } = request
  return await describeFilters(services, tenantOf(callerOf(request)), {
    url, params, query, found: eventsRead > 0
  })
}

function tellingOf (request: FastifyRequest, { filters, refs }: DescribedFilters): Telling {
  const caller = callerOf(request)
  const { method, url = '', config: { roles = [] } } = request.routeOptions
  const isOwn = !caller.roles.some((role) => role !== 'self' && roles.includes(role))
  const own = isOwn && caller.subjectRef !== undefined ? [caller.subjectRef] : []
  const reading = {
    operation: `${String(method)} ${url}`,
    permission: caller.roles.filter((role) => roles.includes(role)).join(' '),
    filters,
    refs: [...new Set([...refs, ...own])]
  }
  return { tenant: tenantOf(caller), say: (tally) => readEvent(caller, reading, tally) }
}

function isDestroyable (payload: unknown): payload is { destroy: () => void } {
  return typeof payload === 'object' && payload !== null && 'destroy' in payload &&
    typeof payload.destroy === 'function'
}

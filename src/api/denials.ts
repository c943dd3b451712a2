import type { FastifyRequest } from 'fastify'
import type { Caller } from './auth.ts'
import { deniedEvent, historyOf, type RecordOwn } from './own-events.ts'

/** Refusals of one key at one route become one event in so long. */
export const DENIAL_WINDOW_MS = 60_000
const DENIALS_TRACKED_MAX = 10_000

interface Window {
  since: number
  /** Refusals since the last event. */
  pending: number
}

/**
 * Records who was refused what. The first refusal of a key at a route is recorded at once, those
 * of the next minute are counted and told with the first one after it: a loop in a client must
 * not fill the log.
 */
export function createDenials (
  record: RecordOwn, now: () => number
): (caller: Caller, request: FastifyRequest) => void {
  const windows = new Map<string, Window>()

  return (caller, request) => {
    const { method, url = '', config } = request.routeOptions
    const operation = `${String(method)} ${url}`
    const place = `${caller.keyId} ${operation}`
    const window = windows.get(place)
    if (window !== undefined && now() - window.since < DENIAL_WINDOW_MS) {
      window.pending++
      return
    }
    const times = 1 + (window?.pending ?? 0)
    windows.delete(place)
    windows.set(place, { since: now(), pending: 0 })
    const [oldest] = windows.keys()
    if (windows.size > DENIALS_TRACKED_MAX && oldest !== undefined) windows.delete(oldest)
    const event = deniedEvent(caller, { operation, needs: config.roles ?? [], times })
    record(historyOf(caller.tenant), [event]).catch((err: unknown) => {
      request.log.error({ err }, 'a refusal could not be recorded')
    })
  }
}

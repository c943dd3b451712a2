import type { FastifyReply } from 'fastify'
import { LedgerError } from '../errors.ts'
import { createPlaces } from './places.ts'

/** Replays and reports of one tenant that a process sends at once. */
export const LONG_READS_AT_ONCE_MAX = 5
const RETRY_S = 5

/** Takes a place of the tenant's until the answer is over. Throws OVERLOADED when there is none. */
export type HoldPlace = (tenant: string, reply: FastifyReply) => void

/** Places for answers that may go on for as long as a tenant's history. */
export function createLongReads (): HoldPlace {
  const take = createPlaces(LONG_READS_AT_ONCE_MAX, () => new LedgerError('OVERLOADED',
    `${LONG_READS_AT_ONCE_MAX} replays and reports are being sent`, { retryAfterS: RETRY_S }))
  return (tenant, reply) => { reply.raw.once('close', take(tenant)) }
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Tx } from '../../projections/projection.ts'
import { LedgerError } from '../errors.ts'
import { AT_LEAST_WAIT_MS } from './consistency.ts'
import { readTenant } from './reading.ts'
import type { Services } from './services.ts'

/**
 * Reads what the log holds at this moment, for decisions that must not miss what somebody else
 * has just recorded. Throws LAGGING if the read models do not get there in two seconds.
 */
export async function readCurrent<T> (
  services: Services, request: FastifyRequest, reply: FastifyReply, work: (tx: Tx) => Promise<T>
): Promise<T> {
  const head = await services.log.head()
  if (head !== undefined && !await services.progress.reached(head.commit, AT_LEAST_WAIT_MS)) {
    throw new LedgerError('LAGGING', 'reads do not show yet what the log holds; try again', {
      retryAfterS: 1, extra: { asked: String(head.commit) }
    })
  }
  return await readTenant(services, request, reply, work)
}

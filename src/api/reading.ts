import type { FastifyReply, FastifyRequest } from 'fastify'
import { LedgerError } from '../errors.ts'
import { codeOf } from '../postgres/errors.ts'
import { inTenant } from '../postgres/transaction.ts'
import type { Tx } from '../../projections/projection.ts'
import { callerOf, tenantOf } from './auth.ts'
import { AT_LEAST_WAIT_MS, POSITION_SQL, requirePosition } from './consistency.ts'
import type { Services } from './services.ts'

/** The position that an answer reflects, and the header by which a request asks for one. */
export const POSITION_HEADER = 'ledger-position'
export const AT_LEAST_HEADER = 'ledger-at-least'

const UNDEFINED_TABLE = '42P01'

/** One statement for two things: the read models' schema, and the position they have reached. */
const OPEN = {
  name: 'open_reading',
  text: `select set_config('search_path', 'read', true), ${POSITION_SQL} as position`
}

/** Makes the transaction see the read models; the position that they reflect at least. */
export async function openReading (tx: Tx): Promise<bigint | undefined> {
  const { rows: [opened] } = await tx.query<{ position: bigint | null }>(OPEN)
  return opened?.position ?? undefined
}

/** Whether a query failed for want of the read models, which the first worker makes. */
export function notBuiltYet (err: unknown): boolean {
  return codeOf(err) === UNDEFINED_TABLE
}

/**
 * Reads as the caller's tenant and says in the answer which position that reflects: what was read
 * is at least so recent, as the position is taken first. Waits for Ledger-At-Least. Throws
 * LAGGING after two seconds or before there are read models, FORBIDDEN for a key without a tenant.
 */
export async function readTenant<T> (
  services: Services, request: FastifyRequest, reply: FastifyReply, work: (tx: Tx) => Promise<T>
): Promise<T> {
  const tenant = tenantOf(callerOf(request))
  const asked = atLeast(request)
  if (asked !== undefined) await services.progress.reached(asked, AT_LEAST_WAIT_MS)
  try {
    return await inTenant(services.pool, tenant, async (tx) => {
      const opening = openReading(tx)
      const working = work(tx)
      working.catch(() => undefined)
      const position = await opening
      // What is not there counts only where everything asked for is there.
      if (asked !== undefined) requirePosition(asked, position)
      if (position !== undefined) reply.header(POSITION_HEADER, String(position))
      return await working
    })
  } catch (err) {
    if (!notBuiltYet(err)) throw err
    throw new LedgerError('LAGGING', 'there are no read models yet', { retryAfterS: 1, cause: err })
  }
}

/** The header was checked against the route's schema. */
function atLeast (request: FastifyRequest): bigint | undefined {
  const given = request.headers[AT_LEAST_HEADER]
  return typeof given === 'string' ? BigInt(given) : undefined
}

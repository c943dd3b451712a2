import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { BATCH_MAX_BYTES } from '../../schemas/primitives.ts'
import type { Problem } from '../../schemas/problem.ts'
import { ERRORS, isLedgerError, LedgerError, type ErrorCode } from '../errors.ts'
import { isUnavailable } from '../postgres/errors.ts'

/** RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json'

/** Fastify's own refusals, in our words. Other 4xx become INVALID_REQUEST. */
const FRAMEWORK: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_EMPTY_TYPE: 'UNSUPPORTED_MEDIA_TYPE'
}

const TOO_LARGE = `The body has more than ${BATCH_MAX_BYTES} bytes`

/** A restarted server takes connections again within seconds. */
const DATABASE_RETRY_S = 2

/** The address that names a kind of problem, stable for ever: `/problems/invalid-cursor`. */
export function problemType (code: ErrorCode): string {
  return '/problems/' + code.toLowerCase().replaceAll('_', '-')
}

/** Whatever was thrown, as an error of the catalogue. */
export function toLedgerError (err: unknown): LedgerError {
  if (isLedgerError(err)) return err
  if (isUnavailable(err)) {
    return new LedgerError('DATABASE_UNAVAILABLE', 'the database cannot be asked', {
      cause: err, retryAfterS: DATABASE_RETRY_S
    })
  }
  const { code = '', statusCode = 500, message = '' } = err as Partial<FastifyError>
  const known = FRAMEWORK[code]
  if (known !== undefined) {
    const said = known === 'PAYLOAD_TOO_LARGE' ? TOO_LARGE : message
    return new LedgerError(known, said, { cause: err })
  }
  if (statusCode >= 400 && statusCode < 500) {
    return new LedgerError('INVALID_REQUEST', message, { cause: err })
  }
  return new LedgerError('INTERNAL', 'unexpected', { cause: err })
}

/** The problem document of an error. A 5xx says its title only: its message is for the log. */
export function problemOf (error: LedgerError, requestId: string): Problem {
  const { status, title } = ERRORS[error.code]
  const { violations, extra } = error.details
  return {
    type: problemType(error.code),
    title,
    status,
    detail: status >= 500 ? title : error.message,
    instance: requestId,
    ...(violations === undefined ? {} : { violations: [...violations] }),
    ...extra
  }
}

/** The only place where an error becomes an answer. */
export async function sendProblem (
  err: unknown, request: FastifyRequest, reply: FastifyReply
): Promise<FastifyReply> {
  const error = toLedgerError(err)
  const problem = problemOf(error, request.id)
  if (problem.status >= 500) request.log.error({ err: error }, 'request failed')
  const { retryAfterS } = error.details
  if (retryAfterS !== undefined) reply.header('retry-after', Math.ceil(retryAfterS))
  if (error.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer realm="ledger"')
  return await reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem))
}

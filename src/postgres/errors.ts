/** Node's codes of a server that cannot be reached or went away. */
const NETWORK = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH',
  'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT'
])

/**
 * SQLSTATEs that pass by themselves: connection exceptions (08), insufficient resources (53:
 * disk full, out of memory, too many connections), shutdown and start-up (57P01 to 57P05), a
 * statement that took too long (57014, 25P03), a server that became a standby (25006).
 */
const PASSING_STATE = /^(08...|53...|57P0[1-5]|57014|25P03|25006)$/

/** pg's own errors have no code, only these words. */
const PASSING_MESSAGE = new RegExp([
  'Connection terminated', 'timeout exceeded when trying to connect', 'Query read timeout',
  'Client has encountered a connection error', 'Client was closed and is not queryable'
].join('|'))

/** SQLSTATEs after which the session itself is over. */
const SESSION_OVER = /^(08...|57P0[1-5]|25P03)$/

/**
 * Whether the database could not be asked, as opposed to having refused: worth a 503 and another
 * try. The outcome of a write that ended so is unknown.
 */
export function isUnavailable (err: unknown): boolean {
  return isDisconnected(err) || PASSING_STATE.test(codeOf(err)) || inCause(err, isUnavailable)
}

/** Whether the connection that the error came from is of no further use. */
export function isDisconnected (err: unknown): boolean {
  if (!(err instanceof Error)) return false
  const code = codeOf(err)
  return NETWORK.has(code) || SESSION_OVER.test(code) || PASSING_MESSAGE.test(err.message)
}

/** Whether a unique constraint (of that name, if given) was broken. */
export function isDuplicate (err: unknown, constraint?: string): boolean {
  return codeOf(err) === '23505' && (constraint === undefined ||
    (err instanceof Error && 'constraint' in err && err.constraint === constraint))
}

/** The SQLSTATE or system error code, or '' if there is none. */
export function codeOf (err: unknown): string {
  return err instanceof Error && 'code' in err && typeof err.code === 'string' ? err.code : ''
}

function inCause (err: unknown, test: (cause: unknown) => boolean): boolean {
  return err instanceof Error && err.cause instanceof Error && test(err.cause)
}

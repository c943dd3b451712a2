import type { Violation } from '../schemas/pointer.ts'

export type { Violation } from '../schemas/pointer.ts'

/** Every failure this program can name. The HTTP status is what a client sees of it. */
export const ERRORS = {
  INVALID_REQUEST: { status: 400, title: 'The request is not valid' },
  INVALID_EVENT: { status: 400, title: 'The event breaks a rule of the vocabulary' },
  INVALID_JSON: { status: 400, title: 'The body is not JSON that can be kept unaltered' },
  INVALID_CURSOR: { status: 400, title: 'The cursor was not made by this ledger for this query' },
  UNAUTHENTICATED: { status: 401, title: 'A valid API key is needed' },
  FORBIDDEN: { status: 403, title: 'The credential lacks the role for this' },
  NOT_FOUND: { status: 404, title: 'There is nothing here' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'This method is not served here' },
  STREAM_CONFLICT: { status: 409, title: 'Too many writers on one stream: try again' },
  ID_REUSED: { status: 409, title: 'This id was recorded with other content' },
  ALREADY_EXISTS: { status: 409, title: 'This exists already' },
  LEGAL_HOLD: { status: 409, title: 'A hold forbids this' },
  WRONG_STATE: { status: 409, title: 'This is not possible in the present state' },
  REMOVED: { status: 410, title: 'What reads showed of this was removed by retention' },
  ERASED: { status: 410, title: 'This person was erased' },
  EXPORT_GONE: { status: 410, title: 'This export expired or was deleted' },
  PRECONDITION_FAILED: { status: 412, title: 'It is not what the request demands it to be' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The request is larger than the limit' },
  EVENT_TOO_LARGE: { status: 413, title: 'The event is larger than the limit' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'This content type is not taken here' },
  RANGE_NOT_SATISFIABLE: { status: 416, title: 'It ends before that range begins' },
  TOO_MANY_STREAMS: { status: 429, title: 'This key follows too many streams: try again' },
  TOO_MANY_EXPORTS: { status: 429, title: 'Too many exports are under way: try again' },
  LOG_UNAVAILABLE: { status: 503, title: 'The log cannot be reached' },
  DATABASE_UNAVAILABLE: { status: 503, title: 'The database cannot be reached' },
  LAGGING: { status: 503, title: 'The read models have not reached that position yet' },
  LOG_REGRESSION: { status: 503, title: 'The log lost events that were already projected' },
  NOT_SEALED: { status: 503, title: 'No signed checkpoint includes this yet' },
  EXPORT_NOT_READY: { status: 503, title: 'The export is still being prepared' },
  OVERLOADED: { status: 503, title: 'Too much is in flight: try again' },
  VAULT_KEY_INVALID: { status: 500, title: 'The master key does not open the vault' },
  SEALING_KEY_INVALID: { status: 500, title: 'The sealing key cannot be used' },
  MIGRATION_FAILED: { status: 500, title: 'A migration could not be applied' },
  CHECKPOINT_MOVED: { status: 500, title: 'Another runner moved the checkpoint' },
  FENCED: { status: 500, title: 'Another worker has taken over' },
  CONTRADICTION: { status: 500, title: 'The log is not the one that was signed' },
  CONFIG_INVALID: { status: 500, title: 'The configuration is not valid' },
  INTERNAL: { status: 500, title: 'Something went wrong here' }
} as const

export type ErrorCode = keyof typeof ERRORS

export interface ErrorDetails {
  cause?: unknown
  violations?: readonly Violation[]
  /** Seconds after which trying again makes sense. */
  retryAfterS?: number
  /** Further members of the problem document; never personal data. */
  extra?: Readonly<Record<string, unknown>>
}

/** The only error thrown on purpose. 5xx messages stay in the log; the client sees the title. */
export class LedgerError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor (code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'LedgerError'
    this.code = code
    this.details = details
  }
}

/** Whether it is a LedgerError, of that code if one is given. */
export function isLedgerError (err: unknown, code?: ErrorCode): err is LedgerError {
  return err instanceof LedgerError && (code === undefined || err.code === code)
}

/** Whether the system refused with one of these codes: ENOENT, EEXIST, … */
export function hasCode (err: unknown, ...codes: readonly string[]): boolean {
  return err instanceof Error && 'code' in err && codes.includes(String(err.code))
}

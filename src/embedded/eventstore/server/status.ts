/** How a gRPC call ends. */
import type { AppendResult, Expected } from '../wire/append.ts'

/** The gRPC codes that the node uses. */
export const CODE = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16
} as const

/** A status with the extra trailers by which the official client tells its errors apart. */
export interface Status {
  readonly code: number
  readonly message?: string
  readonly trailers?: Readonly<Record<string, string>>
}

/** A call that ends with another status than OK. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  readonly status: Status
  constructor (status: Status) {
    super(status.message ?? `status ${status.code}`)
    this.status = status
  }
}

export const OK: Status = { code: CODE.ok }

const withException = (
  code: number, exception: string, message: string, trailers: Record<string, string> = {}
): Status => ({ code, message, trailers: { exception, ...trailers } })

/** The stream was tombstoned. */
export const streamDeleted = (stream: string): Status =>
  withException(CODE.failedPrecondition, 'stream-deleted', `Event stream '${stream}' is deleted.`,
    { 'stream-name': stream })

/** The caller may not do this. */
export const accessDenied = (): Status =>
  withException(CODE.permissionDenied, 'access-denied', 'Access Denied')

/** The caller is not who it says. */
export const unauthenticated = (): Status =>
  ({ code: CODE.unauthenticated, message: 'the credentials are missing or wrong' })

/** An event lacks its type or content type. */
export const missingProperty = (property: string): Status =>
  withException(CODE.invalidArgument, 'missing-required-metadata-property',
    `Required Metadata Property '${property}' is missing`,
    { 'required-metadata-properties': property })

/** The status of an append, delete or tombstone that the engine refused. */
export function refusal (
  result: Exclude<AppendResult, { kind: 'appended' }>, stream: string, expected: Expected
): Status {
  switch (result.kind) {
    case 'stream-deleted': return streamDeleted(stream)
    case 'wrong-expected-version':
      return withException(CODE.failedPrecondition, 'wrong-expected-version',
        `WrongExpectedVersion: stream '${stream}', expected ${expected}, is ${result.current}`, {
          'stream-name': stream,
          'expected-version': String(expected),
          ...(result.current < 0 ? {} : { 'actual-version': String(result.current) })
        })
    case 'too-large':
      return withException(CODE.invalidArgument, 'maximum-append-size-exceeded',
        `Maximum Append Size of ${result.maxBytes} Exceeded.`,
        { 'maximum-append-size': String(result.maxBytes) })
    case 'bad-request': return { code: CODE.invalidArgument, message: result.message }
  }
}

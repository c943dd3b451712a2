import type { Outcome } from './event.ts'

/**
 * What an HTTP status says of a call: refused for who asks is denied, any other error a failure.
 * Without a status, or in spite of it, an error makes it a failure as well.
 */
export function outcomeOf (statusCode: number | undefined, error?: unknown): Outcome {
  if (statusCode === 401 || statusCode === 403) return 'denied'
  const isError = (statusCode ?? 0) >= 400 || (error !== undefined && error !== null)
  return isError ? 'failure' : 'success'
}

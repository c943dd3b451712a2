import { FlushError, type ClientError } from './errors.ts'

/** Failures whose errors are kept for a flush; of more, only the number is. */
const KEPT_MAX = 100

/** Recorded events that will not arrive, and for whom that is news. */
export interface Failures {
  add (error: ClientError): void
  /** Tells the handler of what was added since it was told last. */
  tell (): void
  /** Throws FlushError if any were added since this was called last. */
  throwIfAny (): void
}

export function createFailures (onFailure: (failures: readonly ClientError[]) => void): Failures {
  let untold: ClientError[] = []
  let kept: ClientError[] = []
  let count = 0
  return {
    add (error) {
      untold.push(error)
      count++
      if (kept.length < KEPT_MAX) kept.push(error)
    },
    tell () {
      if (untold.length === 0) return
      const told = untold
      untold = []
      try {
        onFailure(told)
      } catch (err) {
        // A handler that throws must not stop what is still to be sent.
        process.emitWarning(`onFailure threw: ${String(err)}`, 'AuditLedgerWarning')
      }
    },
    throwIfAny () {
      if (count === 0) return
      const error = new FlushError(count, kept)
      count = 0
      kept = []
      throw error
    }
  }
}

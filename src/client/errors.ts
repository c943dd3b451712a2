import type { Violation } from '../../schemas/pointer.ts'
import type { EventInput } from './event.ts'

/** What every error of the client is. Its message says no personal data. */
export class ClientError extends Error {
  /** The event as it was to be sent, id and time included; undefined where there is none. */
  readonly event: EventInput | undefined

  constructor (message: string, event?: EventInput, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.event = event
  }
}

/** The event cannot be sent as it is: JSON would lose something of it, or it is too large. */
export class UnsendableError extends ClientError {
  readonly violations: readonly Violation[]

  constructor (violation: Violation, event: EventInput) {
    super(`${violation.pointer} ${violation.detail}`.trim(), event)
    this.violations = [violation]
  }
}

/** What the ledger says of a refusal: RFC 9457. */
export interface Problem {
  /** Stable: `/problems/<code>`. */
  type: string
  title: string
  status: number
  detail: string
  /** The request's id. */
  instance?: string
  violations?: Violation[]
}

/** The ledger refused the event for good: it breaks a rule, or the key may not append. */
export class RefusedError extends ClientError {
  readonly status: number
  readonly problem: Problem
  /** What is wrong where, by JSON Pointers into the event. */
  readonly violations: readonly Violation[]
  /** An attempt before had no clear answer, and this one was about the request as a whole. */
  readonly mayBeRecorded: boolean

  constructor (problem: Problem, event: EventInput, mayBeRecorded: boolean) {
    super(`the ledger refused the event (${problem.status}): ${problem.detail}`, event)
    this.status = problem.status
    this.problem = problem
    this.violations = problem.violations ?? []
    this.mayBeRecorded = mayBeRecorded
  }
}

/**
 * The client stopped trying. If an attempt had no clear answer the event may be in the ledger all
 * the same; appending `event` again is safe in any case, since its id is the same.
 */
export class UndeliveredError extends ClientError {
  readonly attempts: number
  readonly mayBeRecorded: boolean

  constructor (
    event: EventInput, said: { attempts: number, mayBeRecorded: boolean, cause: unknown }
  ) {
    const times = said.attempts === 1 ? 'one attempt' : `${said.attempts} attempts`
    super(`the event was not delivered in ${times}`, event, said.cause)
    this.attempts = said.attempts
    this.mayBeRecorded = said.mayBeRecorded
  }
}

/** The call's signal was aborted, with `cause` as its reason. The event may be recorded. */
export class AbortedError extends ClientError {}

/** There is no room for the event, and the client is not to wait for it, or too many wait. */
export class BufferFullError extends ClientError {}

/** The client was closed before the event was given to it. */
export class ClosedError extends ClientError {}

/** Recorded events that did not reach the ledger since the last flush. */
export class FlushError extends ClientError {
  /** How many they are. */
  readonly count: number
  /** What happened to the first of them. */
  readonly failures: readonly ClientError[]

  constructor (count: number, failures: readonly ClientError[]) {
    super(`${count} recorded ${count === 1 ? 'event is' : 'events are'} not in the ledger: ` +
      failures[0]?.message)
    this.count = count
    this.failures = failures
  }
}

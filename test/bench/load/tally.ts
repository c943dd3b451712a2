import { latencyOf, type Latency } from '../stats.ts'
import type { Answer } from './connection.ts'

/** What came of a job's requests. */
export interface Tally {
  /** Answered with 2xx inside the measured time. */
  readonly answered: number
  readonly failed: number
  /** Status and beginning of the first failure's body. */
  readonly firstFailure: string | undefined
  readonly seconds: number
  readonly latencyMs: Latency
  readonly bytesReceived: number
}

const FAILURE_MAX_LENGTH = 300

/** Collects what is answered; one per job. */
export class Counter {
  readonly #latencies: number[] = []
  #failed = 0
  #firstFailure: string | undefined
  #bytes = 0

  take ({ status, body }: Answer, latencyMs: number): void {
    this.#bytes += body.length
    if (status >= 200 && status < 300 && status !== 207) this.#latencies.push(latencyMs)
    else this.fail(`${status} ${body.toString('utf8', 0, FAILURE_MAX_LENGTH)}`)
  }

  fail (said: string): void {
    this.#failed++
    this.#firstFailure ??= said
  }

  get taken (): number { return this.#latencies.length + this.#failed }

  result (seconds: number): Tally {
    return {
      answered: this.#latencies.length,
      failed: this.#failed,
      firstFailure: this.#firstFailure,
      seconds,
      latencyMs: latencyOf(this.#latencies),
      bytesReceived: this.#bytes
    }
  }
}

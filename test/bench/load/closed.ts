import { Connection } from './connection.ts'
import { prepareRequests, type Source } from './requests.ts'
import { Counter, type Tally } from './tally.ts'

/** Each connection sends its next request when the one before is answered. */
export interface ClosedJob {
  readonly kind: 'closed'
  readonly port: number
  readonly connections: number
  /** No request is begun later; whichever bound comes first ends the job. */
  readonly seconds: number
  readonly requestsMax: number
  readonly source: Source
}

/** Answers to requests that were under way at the end are waited for so long. */
const LAST_ANSWERS_MS = 10_000

/** Runs the job; the rate is `answered / seconds`, the seconds up to the last answer. */
export async function runClosed (job: ClosedJob): Promise<Tally> {
  const next = prepareRequests(job.source)
  const counter = new Counter()
  const failures: Error[] = []
  const fail = (err: Error): void => { failures.push(err) }
  const connections = await Promise.all(
    Array.from({ length: job.connections }, () => Connection.open(job.port, fail))
  )
  const startedAt = performance.now()
  const endAt = startedAt + job.seconds * 1_000
  let begun = 0
  const loop = (connection: Connection): Promise<void> => new Promise((resolve) => {
    const one = (): void => {
      const sentAt = performance.now()
      if (sentAt >= endAt || begun >= job.requestsMax) return resolve()
      begun++
      connection.send(next(), (answer) => {
        counter.take(answer, performance.now() - sentAt)
        one()
      })
    }
    one()
  })
  const gaveUp = bounded(job.seconds * 1_000 + LAST_ANSWERS_MS)
  await Promise.race([Promise.all(connections.map(loop)), gaveUp.promise])
  const seconds = (performance.now() - startedAt) / 1_000
  gaveUp.cancel()
  for (const connection of connections) connection.close()
  for (const err of failures) counter.fail(err.message)
  for (let lost = begun - counter.taken; lost > 0; lost--) counter.fail('no answer')
  return counter.result(seconds)
}

/** A time-out that can be called off. */
export function bounded (ms: number): { promise: Promise<void>, cancel: () => void } {
  let cancel = (): void => {}
  const promise = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    cancel = () => { clearTimeout(timer) }
  })
  return { promise, cancel }
}

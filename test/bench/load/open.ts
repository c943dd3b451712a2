import { bounded } from './closed.ts'
import { Connection } from './connection.ts'
import { prepareRequests, type Source } from './requests.ts'
import { Counter, type Tally } from './tally.ts'

/**
 * Requests at a fixed rate, whether or not the ones before are answered. A latency counts from
 * the moment the request was due, so a server that stalls cannot hide what it kept waiting.
 */
export interface OpenJob {
  readonly kind: 'open'
  readonly port: number
  readonly connections: number
  readonly perSecond: number
  readonly seconds: number
  readonly source: Source
}

/** Who is slower than this has failed to keep up; by how much does not matter. */
const LAST_ANSWERS_MS = 8_000
const TICK_MS = 1

export async function runOpen (job: OpenJob): Promise<Tally> {
  const next = prepareRequests(job.source)
  const counter = new Counter()
  const fail = (err: Error): void => { counter.fail(err.message) }
  const idle = await Promise.all(
    Array.from({ length: job.connections }, () => Connection.open(job.port, fail))
  )
  const all = [...idle]
  const total = Math.floor(job.perSecond * job.seconds)
  const dueMs = (index: number): number => index * 1_000 / job.perSecond
  const startedAt = performance.now()
  let begun = 0
  const send = (): void => {
    const nowMs = performance.now() - startedAt
    while (begun < total && dueMs(begun) <= nowMs) {
      const connection = idle.pop()
      if (connection === undefined) return
      const dueAt = startedAt + dueMs(begun++)
      connection.send(next(), (answer) => {
        counter.take(answer, performance.now() - dueAt)
        idle.push(connection)
        send()
      })
    }
  }
  const timer = setInterval(send, TICK_MS)
  const gaveUp = bounded(job.seconds * 1_000 + LAST_ANSWERS_MS)
  await Promise.race([answered(counter, total), gaveUp.promise])
  clearInterval(timer)
  gaveUp.cancel()
  const seconds = (performance.now() - startedAt) / 1_000
  for (const connection of all) connection.close()
  for (let lost = total - counter.taken; lost > 0; lost--) counter.fail('no answer')
  return counter.result(seconds)
}

async function answered (counter: Counter, total: number): Promise<void> {
  while (counter.taken < total) await new Promise((resolve) => setTimeout(resolve, 5))
}

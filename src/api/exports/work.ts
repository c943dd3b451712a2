import { EXPORTS_AT_ONCE_MAX } from '../../../schemas/http/exports.ts'
import { LedgerError } from '../../errors.ts'
import { createPlaces, type TakePlace } from '../places.ts'

/** A preparation that failed is tried again after so long, when somebody asks for the export. */
export const RETRY_MS = 10_000
const RETRY_S = 5

/** A preparation that is under way in this process, or has failed here. */
export interface Job {
  /** How much of it is done, 0 to 1. */
  share: number
  /** Milliseconds since 1970. */
  failedAt?: number
}

type Run = (job: Job, signal: AbortSignal) => Promise<void>

/** What a process has under way for exports. */
export interface ExportWork {
  /** Throws TOO_MANY_EXPORTS. */
  take: TakePlace
  /** Runs a preparation in a place that was taken, unless one of that export is under way. */
  start (id: string, release: () => void, run: Run): void
  job (id: string): Job | undefined
  /** Says that what was recorded of an export is not what it shows any more. */
  distrust (id: string): void
  trusts (id: string): boolean
  /** Ends what is under way. */
  close (): Promise<void>
}

/** Nothing is under way yet. `now` is in milliseconds since 1970. */
export function createExportWork (now: () => number): ExportWork {
  const take = createPlaces(EXPORTS_AT_ONCE_MAX, () => new LedgerError('TOO_MANY_EXPORTS',
    `${EXPORTS_AT_ONCE_MAX} exports are being prepared or sent`, { retryAfterS: RETRY_S }))
  const jobs = new Map<string, Job>()
  const running = new Set<Promise<void>>()
  const distrusted = new Set<string>()
  const stopping = new AbortController()

  const forgetFailed = (): void => {
    for (const [id, { failedAt }] of jobs) {
      if (failedAt !== undefined && now() - failedAt >= RETRY_MS) jobs.delete(id)
    }
  }
  const isUnderWay = (id: string): boolean => {
    const job = jobs.get(id)
    return job !== undefined && job.failedAt === undefined
  }

  return {
    take,
    start (id, release, run) {
      if (isUnderWay(id) || stopping.signal.aborted) {
        release()
        return
      }
      const job: Job = { share: 0 }
      jobs.set(id, job)
      const done = run(job, stopping.signal).then(() => {
        distrusted.delete(id)
        jobs.delete(id)
      }, () => { job.failedAt = now() }).finally(() => {
        running.delete(done)
        release()
      })
      running.add(done)
    },
    job (id) {
      forgetFailed()
      return jobs.get(id)
    },
    distrust (id) { distrusted.add(id) },
    trusts: (id) => !distrusted.has(id),
    async close () {
      stopping.abort(new LedgerError('OVERLOADED', 'the server stops'))
      await Promise.all(running)
    }
  }
}

import { createHash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { ExportRecord } from '../../../projections/exports/queries.ts'
import { toLedgerError } from '../problems.ts'
import type { Services } from '../services.ts'
import { contentOf, changesIn } from './content.ts'
import { exportedEvent, personsIn } from './events.ts'
import { ContentChanged, scopeOf } from './scope.ts'
import type { Job } from './work.ts'

/** Changes in a row that may interrupt a preparation before it fails. */
const ATTEMPTS_MAX = 5
/** Reads are given so long to show what was recorded. */
const SHOWN_WITHIN_MS = 30_000

/** An export that is to be prepared: what is on record of it before it is. */
export type Preparing = Pick<ExportRecord,
  'id' | 'format' | 'filters' | 'upTo' | 'checkpoint' | 'continues' | 'requestedBy'>

/** What an export comes to. */
interface Measured {
  rowCount: number
  bytes: number
  sha256: string
  changes: number
}

/**
 * Finds out what an export comes to, and records that in the name of whoever asked for it: before,
 * nothing of it leaves. Goes on in the background; `release` gives back the place it takes.
 */
export function startPreparing (
  services: Services, tenant: string, wanted: Preparing,
  { release, logger }: { release: () => void, logger: FastifyBaseLogger }
): void {
  const { exporting, ledger, metrics, progress } = services
  const { id, format } = wanted
  exporting.start(id, release, async (job, signal) => {
    try {
      const measured = await measure(services, tenant, wanted, { job, signal })
      const refs = await personsIn(services, tenant, wanted)
      const event = exportedEvent({ ...wanted, refs }, measured)
      const [receipt] = await ledger.recordOwn(tenant, [event])
      await progress.reached(receipt?.position ?? 0n, SHOWN_WITHIN_MS)
      metrics.exports.inc({ format, result: 'prepared' })
    } catch (err) {
      metrics.exports.inc({ format, result: 'failed' })
      logger.error({ err: toLedgerError(err), export: id }, 'an export could not be prepared')
      throw err
    }
  })
}

/** Goes through the content once; again when it is changed meanwhile. */
async function measure (
  services: Services, tenant: string, wanted: Preparing,
  { job, signal }: { job: Job, signal: AbortSignal }
): Promise<Measured> {
  const scope = scopeOf(tenant, wanted)
  for (let attempt = 1; ; attempt++) {
    const changes = await changesIn(services, scope)
    const digest = createHash('sha256')
    let rowCount = 0
    let bytes = 0
    try {
      const content = contentOf(services, scope, {
        changes,
        onPage: (events, share) => {
          rowCount += events
          job.share = share
        },
        requireGo: () => { signal.throwIfAborted() }
      })
      for await (const text of content) {
        digest.update(text)
        bytes += Buffer.byteLength(text)
      }
      return { rowCount, bytes, sha256: digest.digest('hex'), changes }
    } catch (err) {
      if (!(err instanceof ContentChanged) || attempt === ATTEMPTS_MAX) throw err
    }
  }
}

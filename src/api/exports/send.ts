import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ExportRecord, Prepared } from '../../../projections/exports/queries.ts'
import { LedgerError } from '../../errors.ts'
import { MEDIA_TYPES } from '../../exports/format.ts'
import { callerOf, requireRole, tenantOf } from '../auth.ts'
import { toLedgerError } from '../problems.ts'
import type { Services } from '../services.ts'
import { contentOf } from './content.ts'
import { personsIn } from './events.ts'
import { byteRange, matches, type ByteRange } from './range.ts'
import { ContentChanged, scopeOf } from './scope.ts'
import { NotAsRecorded, slice } from './slice.ts'

/** Bytes that lie ready for a reader before more is made for it. */
const READY_BYTES = 64 * 1_024

/** An export that can be downloaded. */
export type Ready = ExportRecord & { prepared: Prepared }

/**
 * Sends an export or the part of it that is asked for, RFC 9110 sections 13 and 14: its entity tag
 * is its digest. It is put on record before. Throws PRECONDITION_FAILED, RANGE_NOT_SATISFIABLE,
 * TOO_MANY_EXPORTS, and LOG_UNAVAILABLE when it cannot be put on record.
 */
export async function sendExport (
  services: Services, request: FastifyRequest, reply: FastifyReply, ready: Ready
): Promise<FastifyReply> {
  const { id, format, upTo, prepared: { bytes, sha256 } } = ready
  const caller = callerOf(request)
  const etag = `"${sha256}"`
  const part = partOf(request, reply, { etag, bytes })
  const release = services.exporting.take(tenantOf(caller))
  try {
    const refs = await personsIn(services, tenantOf(caller), ready)
    await services.recordDownload(caller, { id, refs, sha256, from: part.from })
  } catch (err) {
    release()
    throw err
  }
  reply.raw.once('close', release)
  const isWhole = part.from === 0 && part.to === bytes - 1
  if (!isWhole) reply.header('content-range', `bytes ${part.from}-${part.to}/${bytes}`)
  const extension = format === 'bundle' ? 'bundle.ndjson' : format
  reply.code(isWhole ? 200 : 206).headers({
    etag,
    'accept-ranges': 'bytes',
    'content-length': Math.max(part.to + 1 - part.from, 0),
    'content-disposition': `attachment; filename="${tenantOf(caller)}-${upTo}.${extension}"`,
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`
  })
  const body = Readable.from(bytesOf(services, request, ready, part), {
    objectMode: false, highWaterMark: READY_BYTES
  })
  return await reply.type(MEDIA_TYPES[format]).send(body)
}

/** What of it is asked for; with another If-Range than its tag all of it. */
function partOf (
  { headers }: FastifyRequest, reply: FastifyReply,
  { etag, bytes }: { etag: string, bytes: number }
): ByteRange {
  if (!matches(headers['if-match'], etag)) {
    throw new LedgerError('PRECONDITION_FAILED', 'What the export shows has changed', {
      extra: { etag }
    })
  }
  const ifRange = headers['if-range']
  const isSame = ifRange === undefined || ifRange === etag
  const range = byteRange(isSame ? headers.range : undefined, bytes)
  if (range !== 'unsatisfiable') return range ?? { from: 0, to: bytes - 1 }
  reply.header('content-range', `bytes */${bytes}`)
  throw new LedgerError('RANGE_NOT_SATISFIABLE', `The export has ${bytes} bytes`)
}

/**
 * The bytes of a part. A status cannot be taken back: what turns out not to be what is on record
 * breaks the answer off, and the export is prepared again.
 */
async function * bytesOf (
  services: Services, request: FastifyRequest, ready: Ready, part: ByteRange
): AsyncGenerator<Buffer> {
  const { auth, exporting, metrics } = services
  const { format, prepared } = ready
  const { roles = [] } = request.routeOptions.config
  const content = contentOf(services, scopeOf(tenantOf(callerOf(request)), ready), {
    changes: prepared.changes,
    onPage: () => {},
    requireGo: async () => {
      requireRole(await auth.authenticate(request.headers.authorization), roles)
    }
  })
  try {
    for await (const bytes of slice(content, part, prepared)) {
      metrics.exportedBytes.inc({ format }, bytes.length)
      yield bytes
    }
    metrics.exports.inc({ format, result: 'downloaded' })
  } catch (err) {
    if (err instanceof NotAsRecorded || err instanceof ContentChanged) exporting.distrust(ready.id)
    metrics.exports.inc({ format, result: 'broken' })
    request.log.warn({ err: toLedgerError(err), export: ready.id }, 'a download broke off')
    throw err
  }
}

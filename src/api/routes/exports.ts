import type { FastifyReply, FastifyRequest } from 'fastify'
import { uuidv7 } from 'uuidv7'
import {
  countChanges, findExport, listExports as readExports, type ExportRecord
} from '../../../projections/exports/queries.ts'
import { EventView, NoQuery } from '../../../schemas/http/events.ts'
import {
  CreateExport, DownloadHeaders, EXPORT_DAYS, ExportPage, ExportParams, ExportsQuery, ExportView
} from '../../../schemas/http/exports.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { Type } from '@sinclair/typebox'
import { isLedgerError, LedgerError } from '../../errors.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { AT_LEAST_WAIT_MS } from '../consistency.ts'
import { readCurrent } from '../current.ts'
import { sealCursor } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { changesOf } from '../exports/content.ts'
import { deletedEvent, personsIn, requestedEvent } from '../exports/events.ts'
import { startPreparing } from '../exports/prepare.ts'
import { settle } from '../exports/request.ts'
import { sendExport } from '../exports/send.ts'
import { exportView, stateOf, type Known } from '../exports/view.ts'
import { pageRequest, sendPage } from '../pages.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'

const tags = ['export']
const DAY_MS = 86_400_000
/** The bytes of an export. */
const content = {
  'text/csv': { schema: Type.String() },
  'application/json': { schema: Type.Array(EventView) },
  'application/x-ndjson': { schema: Type.String() }
}

/** Asks for an export. */
export const createExport = (services: Services): Endpoint => endpoint({
  summary: 'Export events',
  description: 'As CSV, JSON or NDJSON opened for a compliance reader, or as a bundle of sealed ' +
    'leaves with proofs. The filters are those of the list of events. It is fixed to a position ' +
    'of the log and prepared in the background; then it can be downloaded. 404 if no event passes.',
  operationId: 'createExport',
  tags,
  body: CreateExport,
  response: { 202: ExportView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const tenant = tenantOf(caller)
  const release = services.exporting.take(tenant)
  try {
    const settled = await settle(services, request, reply, request.body)
    const days = request.body.days ?? EXPORT_DAYS
    const expiresAt = new Date(services.now() + days * DAY_MS).toISOString()
    const wanted = {
      ...settled, id: uuidv7(), requestedBy: { id: caller.keyId, name: caller.name }
    }
    const refs = await personsIn(services, tenant, wanted)
    const event = requestedEvent({ ...wanted, refs }, expiresAt, caller)
    const [receipt] = await services.ledger.recordOwn(tenant, [event])
    const { position = 0n, recordedAt = '' } = receipt ?? {}
    startPreparing(services, tenant, wanted, { release, logger: request.log })
    await services.progress.reached(position, AT_LEAST_WAIT_MS)
    reply.header('location', `/v1/exports/${wanted.id}`)
    return await reply.code(202).send(exportView(
      { ...wanted, ...NEW, position, expiresAt, requestedAt: recordedAt },
      { now: services.now(), job: services.exporting.job(wanted.id), isCurrent: false }))
  } catch (err) {
    release()
    throw err
  }
})

const NEW = {
  prepared: undefined, downloads: 0, downloadedAt: null, downloadedBy: [], deletedAt: null
}

/** All exports of the tenant. */
export const listExports = (services: Services): Endpoint => endpoint({
  summary: 'List exports',
  description: 'Those asked for last first; expired and deleted ones too.',
  operationId: 'listExports',
  tags,
  querystring: ExportsQuery,
  headers: AtLeast,
  response: { 200: ExportPage }
}, async (request, reply) => {
  const { limit, before, scope } = await pageRequest(services, request, request.query)
  const [records, changes] = await readTenant(services, request, reply, async (tx) => {
    return await Promise.all([readExports(tx, { limit: limit + 1, before }), countChanges(tx)])
  })
  const last = records.length > limit ? records[limit - 1] : undefined
  const nextCursor = last === undefined ? null : sealCursor(scope, String(last.position))
  const items = records.slice(0, limit).map((record) =>
    JSON.stringify(exportView(record, knownOf(services, record, changes))))
  return await sendPage(request, reply, { items, nextCursor })
})

/** One export, and how far it is. */
export const oneExport = (services: Services): Endpoint => endpoint({
  summary: 'Read an export',
  description: 'Its state, progress, size and digest. One that nobody is preparing, because a ' +
    'process ended or an erasure or a retention run changed it, is taken up by asking.',
  operationId: 'readExport',
  tags,
  params: ExportParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: ExportView }
}, async (request, reply) => {
  const { record, known } = await lookUp(services, request, reply, request.params.id)
  return exportView(record, known)
})

/** The bytes of an export. */
export const downloadExport = (services: Services): Endpoint => endpoint({
  summary: 'Download an export',
  description: 'Whole or, with Range, from where a download broke off. The ETag is the SHA-256. ' +
    'The bytes are made anew each time, so erasure and retention change them: If-Range then gets ' +
    'all of it (200), If-Match nothing (412). 503 with Retry-After until it is prepared, 410 ' +
    'when it is deleted or its time is over.',
  operationId: 'downloadExport',
  tags,
  params: ExportParams,
  querystring: NoQuery,
  headers: DownloadHeaders,
  response: { 200: { content }, 206: { content } }
}, async (request, reply) => {
  const { record, known } = await lookUp(services, request, reply, request.params.id)
  const { prepared } = record
  const state = stateOf(record, known)
  if (state === 'deleted' || state === 'expired') {
    throw new LedgerError('EXPORT_GONE', `This export is ${state}`, { extra: { state } })
  }
  if (state !== 'ready' || prepared === undefined) {
    throw new LedgerError('EXPORT_NOT_READY', `export ${record.id} is ${state}`, {
      retryAfterS: 1, extra: { state }
    })
  }
  return await sendExport(services, request, reply, { ...record, prepared })
})

/** Ends an export before its time; deleting it again changes and records nothing. */
export const deleteExport = (services: Services): Endpoint => endpoint({
  summary: 'Delete an export',
  description: 'It cannot be downloaded any more. What it was stays on record.',
  operationId: 'deleteExport',
  tags,
  params: ExportParams,
  response: { 200: ExportView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const { id } = request.params
  const read = async (): Promise<Found> =>
    await requireExport(services, request, reply, { id, read: readCurrent })
  const before = await read()
  if (before.record.deletedAt !== null) return viewOf(services, before)
  await services.ledger.recordOwn(tenantOf(caller), [deletedEvent(id, caller)])
  return viewOf(services, await read())
})

/** An export, and how many changes the tenant's rows had. */
interface Found {
  record: ExportRecord
  changes: number
}

async function requireExport (
  services: Services, request: FastifyRequest, reply: FastifyReply,
  { id, read }: { id: string, read: typeof readTenant }
): Promise<Found> {
  const [record, changes] = await read(services, request, reply, async (tx) =>
    await Promise.all([findExport(tx, id), countChanges(tx)]))
  if (record === undefined) throw new LedgerError('NOT_FOUND', 'There is no such export')
  return { record, changes }
}

/** An export, and what is known of it here; its preparation is taken up if nobody is at it. */
async function lookUp (
  services: Services, request: FastifyRequest, reply: FastifyReply, id: string
): Promise<{ record: ExportRecord, known: Known }> {
  // Asked first: a preparation that is over by then is in the record that is read.
  const job = services.exporting.job(id)
  const { record, changes } = await requireExport(services, request, reply, {
    id, read: readTenant
  })
  const known = { ...knownOf(services, record, changes), job }
  if (job === undefined && stateOf(record, known) === 'preparing') {
    takeUp(services, request, record)
  }
  return { record, known }
}

/** Without a place for it, whoever asks next takes it up. */
function takeUp (services: Services, request: FastifyRequest, record: ExportRecord): void {
  const tenant = tenantOf(callerOf(request))
  try {
    const release = services.exporting.take(tenant)
    startPreparing(services, tenant, record, { release, logger: request.log })
  } catch (err) {
    if (!isLedgerError(err, 'TOO_MANY_EXPORTS')) throw err
  }
}

function viewOf (services: Services, { record, changes }: Found): ExportView {
  return exportView(record, knownOf(services, record, changes))
}

function knownOf (
  { exporting, now }: Services, record: ExportRecord, changes: number
): Known {
  const isCurrent = record.prepared?.changes === changesOf(record, changes) &&
    exporting.trusts(record.id)
  return { now: now(), job: exporting.job(record.id), isCurrent }
}

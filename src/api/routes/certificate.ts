import type { FastifyReply, FastifyRequest } from 'fastify'
import { findErasure, type ErasureRecord } from
  '../../../projections/erasure-records/queries.ts'
import { exportsShowing, type ExportRecord } from '../../../projections/exports/queries.ts'
import { listTrail } from '../../../projections/entity-trails/queries.ts'
import { findEvent, type EventRow } from '../../../projections/entries/queries.ts'
import { ERASURE_TYPE } from '../../../schemas/events/ledger.ts'
import {
  Certificate, CERTIFICATE_EXPORTS_MAX, ErasureParams, type CertificateEvent, type ErasureView,
  type RecipientExport
} from '../../../schemas/http/erasures.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import type { Tx } from '../../../projections/projection.ts'
import { LedgerError } from '../../errors.ts'
import { destroyedEventId } from '../../ledger/erasure-events.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { CERTIFICATE_CSP, certificatePage } from '../certificate-page.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { erasureView } from '../erasure-view.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'

/** An erasure has four events of its own; more would be somebody else's. */
const EVENTS_MAX = 10
const HTML = 'text/html'

/** What proves that a person was erased. */
export const certificate = (services: Services): Endpoint => endpoint({
  summary: 'Read the certificate of an erasure',
  description: 'JSON, or a page to print where Accept prefers text/html. It lists the events ' +
    'that are the record, by which each can be proven. 409 before the erasure is executed.',
  operationId: 'readCertificate',
  tags: ['privacy'],
  params: ErasureParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: {
    200: { content: { 'application/json': { schema: Certificate }, [HTML]: { schema: {} } } }
  }
}, async (request, reply) => {
  const { id } = request.params
  const tenant = tenantOf(callerOf(request))
  const [record, rows, made] = await readTenant(services, request, reply, async (tx) => {
    const [record, rows] = await Promise.all([
      findErasure(tx, id),
      listTrail(tx, { type: ERASURE_TYPE, key: id }, { action: 'ledger.*' }, { limit: EVENTS_MAX })
    ])
    return [record, rows, await exportsOf(tx, record, rows[0]?.position)] as const
  })
  if (record === undefined) throw new LedgerError('NOT_FOUND', 'There is no such erasure')
  if (record.state !== 'executed') {
    throw new LedgerError('WRONG_STATE', `This erasure is ${record.state}, not executed`, {
      extra: { state: record.state }
    })
  }
  const erasure = erasureView(record, services.now())
  const verification = await verificationOf(services, request, reply, erasure)
  const answer: Certificate = {
    title: 'Certificate of erasure',
    tenant,
    erasure,
    recipientsToNotify: erasure.recipients,
    exports: made.slice(0, CERTIFICATE_EXPORTS_MAX).map(recipientOf),
    moreExports: made.length > CERTIFICATE_EXPORTS_MAX,
    events: [...rows.reverse(), ...verification].map(eventOf)
  }
  reply.header('vary', 'accept')
  if (!prefersHtml(request.headers.accept)) return answer
  reply.type(`${HTML}; charset=utf-8`).header('content-security-policy', CERTIFICATE_CSP)
  return await reply.send(certificatePage(answer))
})

/** The events by which the tenant was told that the master keys are gone. */
async function verificationOf (
  services: Services, request: FastifyRequest, reply: FastifyReply, { verified }: ErasureView
): Promise<EventRow[]> {
  if (verified === null) return []
  const tenant = tenantOf(callerOf(request))
  const ids = [...verified.olderMasterKeys, verified.masterKey]
    .map((key) => destroyedEventId(tenant, key))
  const rows = await readTenant(services, request, reply, async (tx) =>
    await Promise.all(ids.map(async (id) => await findEvent(tx, id))))
  return rows.flatMap((row) => row ?? [])
}

/** Exports that may show the person: from the first event to the last that is on record here. */
async function exportsOf (
  tx: Tx, record: ErasureRecord | undefined, before: bigint | undefined
): Promise<ExportRecord[]> {
  const first = record?.result?.firstPosition ?? null
  if (first === null || before === undefined) return []
  const limit = CERTIFICATE_EXPORTS_MAX + 1
  return await exportsShowing(tx, { from: BigInt(first), before, limit })
}

function recipientOf (made: ExportRecord): RecipientExport {
  const { id, format, requestedAt, requestedBy, downloads, downloadedAt, downloadedBy } = made
  return { id, format, requestedAt, requestedBy, downloads, downloadedAt, downloadedBy }
}

/** The ledger's own events have nothing sealed: their rows are their JSON. */
function eventOf ({ body }: EventRow): CertificateEvent {
  const { action, id, stream, revision, position, recordedAt, leafHash } = JSON.parse(`{${body}}`)
  return { action, id, stream, revision, position, recordedAt, leafHash }
}

/** Only who names HTML before JSON gets it: a browser does, a program does not. */
function prefersHtml (accept = ''): boolean {
  const html = accept.indexOf(HTML)
  const json = accept.indexOf('application/json')
  return html !== -1 && (json === -1 || html < json)
}

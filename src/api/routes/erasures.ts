import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  findErasure, listErasures as readErasures, type ErasureRecord
} from '../../../projections/erasure-records/queries.ts'
import {
  ErasurePage, ErasureParams, ErasuresQuery, ErasureView, RequestErasure
} from '../../../schemas/http/erasures.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { isLedgerError, LedgerError } from '../../errors.ts'
import { approvedEvent, erasureId, requestedEvent } from '../../ledger/erasure-events.ts'
import { callerOf, tenantOf, type Caller } from '../auth.ts'
import { readCurrent } from '../current.ts'
import { sealCursor } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { erasureView } from '../erasure-view.ts'
import { refuseNaming } from '../named.ts'
import { actorOf } from '../own-events.ts'
import { pageRequest, sendPage } from '../pages.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'

const tags = ['privacy']
const HOUR_MS = 3_600_000

/** Asks for a person to be erased. */
export const requestErasure = (services: Services): Endpoint => endpoint({
  summary: 'Request the erasure of a person',
  description: 'A person is erased once: asking again shows the same erasure. Under a hold the ' +
    'answer is 409 /problems/legal-hold; the request is on record all the same, and goes on by ' +
    'itself when no hold forbids it any more. A hold is also what stops an erasure that waits ' +
    'for approval or cools off.',
  operationId: 'requestErasure',
  tags,
  body: RequestErasure,
  response: { 202: ErasureView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const tenant = tenantOf(caller)
  const { subject, legalBasis, reason, recipients = [] } = request.body
  refuseNaming(subject, {
    '/legalBasis': legalBasis, '/reason': reason, '/recipients': recipients
  })
  await services.requireSoundLog()
  const found = await services.vault.find(tenant, subject)
  if (found === undefined) throw nobody()
  const id = erasureId(tenant, found.ref)
  const { erasure: rules = {} } = await services.settings.get(tenant)
  const notBefore = new Date(services.now() + (rules.coolingOffHours ?? 0) * HOUR_MS)
  for (const ref of [...found.others ?? [], found.ref]) {
    await recordOnce(services, tenant, requestedEvent(tenant, actorOf(caller), {
      ref,
      subjectType: subject.type,
      legalBasis,
      reason,
      recipients,
      notBefore: notBefore.toISOString(),
      needsApproval: rules.secondApprover ?? false
    }))
  }
  const view = await viewNow(services, request, reply, id)
  reply.header('location', `/v1/erasures/${id}`)
  if (view.heldBy.length > 0) throw held(view)
  return await reply.code(202).send(view)
})

/** Says yes to an erasure that somebody else asked for. */
export const approveErasure = (services: Services): Endpoint => endpoint({
  summary: 'Approve an erasure',
  description: 'By another key than the one that asked, where the tenant wants a second approver.',
  operationId: 'approveErasure',
  tags,
  params: ErasureParams,
  response: { 200: ErasureView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const tenant = tenantOf(caller)
  const { id } = request.params
  const record = await recordNow(services, request, reply, id)
  if (!record.needsApproval) {
    throw new LedgerError('WRONG_STATE', 'This erasure needs no approval')
  }
  if (isRequester(caller, record)) {
    throw new LedgerError('FORBIDDEN', 'Who asked for an erasure cannot approve it')
  }
  if (record.approvedAt === null) {
    await recordOnce(services, tenant, approvedEvent(tenant, actorOf(caller), id))
  }
  return await viewNow(services, request, reply, id)
})

/** A rotated key is another key with the same name: both together tell who it is. */
function isRequester (caller: Caller, { requestedBy, requestedByName }: ErasureRecord): boolean {
  return caller.keyId === requestedBy || caller.name === requestedByName
}

/** All erasures of the tenant. */
export const listErasures = (services: Services): Endpoint => endpoint({
  summary: 'List erasures',
  description: 'Those requested last first.',
  operationId: 'listErasures',
  tags,
  querystring: ErasuresQuery,
  headers: AtLeast,
  response: { 200: ErasurePage }
}, async (request, reply) => {
  const { state } = request.query
  const { limit, before, scope } = await pageRequest(services, request, request.query)
  const records = await readTenant(services, request, reply, async (tx) => {
    return await readErasures(tx, { state }, { limit: limit + 1, before })
  })
  const last = records.length > limit ? records[limit - 1] : undefined
  const nextCursor = last === undefined ? null : sealCursor(scope, String(last.position))
  const items = records.slice(0, limit)
    .map((record) => JSON.stringify(erasureView(record, services.now())))
  return await sendPage(request, reply, { items, nextCursor })
})

/** One erasure. */
export const oneErasure = (services: Services): Endpoint => endpoint({
  summary: 'Read an erasure',
  operationId: 'readErasure',
  tags,
  params: ErasureParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: ErasureView }
}, async (request, reply) => {
  const record = await readTenant(services, request, reply, async (tx) => {
    return await findErasure(tx, request.params.id)
  })
  if (record === undefined) throw noErasure()
  return erasureView(record, services.now())
})

/** Somebody may have recorded it a moment before, in other words: then theirs stand. */
async function recordOnce (
  { ledger }: Services, tenant: string, event: ReturnType<typeof requestedEvent>
): Promise<void> {
  try {
    await ledger.recordOwn(tenant, [event])
  } catch (err) {
    if (!isLedgerError(err, 'ID_REUSED')) throw err
  }
}

async function viewNow (
  services: Services, request: FastifyRequest, reply: FastifyReply, id: string
): Promise<ErasureView> {
  return erasureView(await recordNow(services, request, reply, id), services.now())
}

async function recordNow (
  services: Services, request: FastifyRequest, reply: FastifyReply, id: string
): Promise<ErasureRecord> {
  const record = await readCurrent(services, request, reply, async (tx) => {
    return await findErasure(tx, id)
  })
  if (record === undefined) throw noErasure()
  return record
}

function held ({ id, heldBy }: ErasureView): LedgerError {
  return new LedgerError('LEGAL_HOLD',
    'A hold forbids to erase this person; the request is on record and goes on without holds', {
      extra: { erasure: id, holds: heldBy }
    })
}

function nobody (): LedgerError {
  return new LedgerError('NOT_FOUND', 'The ledger knows nobody of that type and id')
}

function noErasure (): LedgerError {
  return new LedgerError('NOT_FOUND', 'There is no such erasure')
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { uuidv7 } from 'uuidv7'
import { cutoffOf } from '../../../projections/retention/cutoff.ts'
import { countDue } from '../../../projections/retention/due.ts'
import {
  findPolicy, listPolicies as readPolicies, type PolicyRecord
} from '../../../projections/retention/queries.ts'
import {
  FLOOR_DAYS, FLOOR_MONTHS, isBelowFloor, type RetentionAge
} from '../../../schemas/events/retention.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import {
  POLICIES_MAX, PoliciesQuery, PolicyPage, PolicyParams, PolicyPreview, PolicyView, PreviewPolicy,
  RevokePolicy, SetPolicy
} from '../../../schemas/http/retention-policies.ts'
import { LedgerError } from '../../errors.ts'
import { policyRevokedEvent, policySetEvent } from '../../ledger/retention-events.ts'
import { lockHolds } from '../../postgres/locks.ts'
import { changeInTenant } from '../../postgres/transaction.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { readCurrent } from '../current.ts'
import { sealCursor } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { actorOf } from '../own-events.ts'
import { pageRequest, sendPage } from '../pages.ts'
import { policyView } from '../policy-view.ts'
import { readTenant } from '../reading.ts'
import { requireRoom, type Room } from '../room.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'

const tags = ['privacy']
/** A preview counts so many events at most. */
export const PREVIEW_MAX = 100_000

/** Sets how long rows of some events are kept. */
export const setPolicy = (services: Services): Endpoint => endpoint({
  summary: 'Set a retention policy',
  description: 'Rows of events of this category and action, or all, are removed from reads once ' +
    'they are older. The log keeps the events, and their proofs hold. Never removed: what a hold ' +
    'forbids, and the events of the ledger itself. Summaries and the status of tasks stay. ' +
    `Below ${FLOOR_MONTHS} months (${FLOOR_DAYS} days) it must be forced. At most ` +
    `${POLICIES_MAX} are active.`,
  operationId: 'setRetentionPolicy',
  tags,
  body: SetPolicy,
  response: { 201: PolicyView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const { category = null, action = null, age, reason, forced = false } = request.body
  if (isBelowFloor(age) && !forced) throw belowFloor(age)
  const [id, tenant] = [uuidv7(), tenantOf(caller)]
  await requireRoom(services.pool, tenant, ROOM)
  const data = { category, action, age, reason, forced }
  const event = policySetEvent(tenant, id, { actor: actorOf(caller), data })
  const [receipt] = await services.ledger.recordOwn(tenant, [event])
  reply.header('location', `/v1/retention-policies/${id}`)
  return await reply.code(201).send({
    id,
    active: true,
    ...data,
    setAt: receipt?.recordedAt ?? '',
    setBy: { id: caller.keyId, name: caller.name },
    revokedAt: null,
    revokedBy: null,
    revokeReason: null,
    runs: 0,
    removed: 0,
    lastRunAt: null,
    lastCutoff: null
  })
})

const ROOM: Room = {
  max: POLICIES_MAX,
  count: async (tx) => (await readPolicies(tx, { active: true }, { limit: POLICIES_MAX })).length,
  full: `${POLICIES_MAX} policies are active: revoke one first`
}

/** All policies of the tenant. */
export const listPolicies = (services: Services): Endpoint => endpoint({
  summary: 'List retention policies',
  description: 'Those set last first; revoked ones too.',
  operationId: 'listRetentionPolicies',
  tags,
  querystring: PoliciesQuery,
  headers: AtLeast,
  response: { 200: PolicyPage }
}, async (request, reply) => {
  const { active } = request.query
  const { limit, before, scope } = await pageRequest(services, request, request.query)
  const records = await readTenant(services, request, reply, async (tx) => {
    return await readPolicies(tx, { active }, { limit: limit + 1, before })
  })
  const last = records.length > limit ? records[limit - 1] : undefined
  const nextCursor = last === undefined ? null : sealCursor(scope, String(last.position))
  const items = records.slice(0, limit).map((record) => JSON.stringify(policyView(record)))
  return await sendPage(request, reply, { items, nextCursor })
})

/** One policy, and what its runs came to. */
export const onePolicy = (services: Services): Endpoint => endpoint({
  summary: 'Read a retention policy',
  description: 'Each run is an event of the entity ledger_retention_policy with this id.',
  operationId: 'readRetentionPolicy',
  tags,
  params: PolicyParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: PolicyView }
}, async (request, reply) => {
  const { id } = request.params
  const tenant = tenantOf(callerOf(request))
  return policyView(found(await readTenant(services, request, reply, async (tx) => {
    return await findPolicy(tx, tenant, id)
  })))
})

/** Ends a policy; revoking it again changes and records nothing. */
export const revokePolicy = (services: Services): Endpoint => endpoint({
  summary: 'Revoke a retention policy',
  description: 'Nothing more is removed by it. What was removed does not come back.',
  operationId: 'revokeRetentionPolicy',
  tags,
  params: PolicyParams,
  body: RevokePolicy,
  response: { 200: PolicyView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const tenant = tenantOf(caller)
  const { id } = request.params
  const before = await currentPolicy(services, request, reply, id)
  if (before.revokedAt !== null) return policyView(before)
  const { reason = null } = request.body
  await changeInTenant(services.pool, tenant, async (tx) => {
    // A run that is being decided is on record before, and none comes after.
    await lockHolds(tx, tenant)
    await services.ledger.recordOwn(tenant, [
      policyRevokedEvent(tenant, id, { actor: actorOf(caller), data: { reason } })
    ])
  })
  return policyView(await currentPolicy(services, request, reply, id))
})

/** What a policy would remove, were it set. */
export const previewPolicy = (services: Services): Endpoint => endpoint({
  summary: 'Preview a retention policy that is not set',
  description: `Counts what it would remove now, up to ${PREVIEW_MAX}. Nothing is set.`,
  operationId: 'previewRetentionPolicy',
  tags,
  body: PreviewPolicy,
  headers: AtLeast,
  response: { 200: PolicyPreview }
}, async (request, reply) => {
  const { category = null, action = null, age } = request.body
  return await preview(services, request, reply, async () => ({ category, action, age }))
})

/** What a policy has still to remove. */
export const previewExisting = (services: Services): Endpoint => endpoint({
  summary: 'Preview a retention policy',
  description: `Counts what it has still to remove now, up to ${PREVIEW_MAX}.`,
  operationId: 'previewExistingRetentionPolicy',
  tags,
  params: PolicyParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: PolicyPreview }
}, async (request, reply) => {
  const tenant = tenantOf(callerOf(request))
  const { id } = request.params
  return await preview(services, request, reply, async (tx) =>
    found(await findPolicy(tx, tenant, id)))
})

type Wish = Pick<PolicyRecord, 'category' | 'action' | 'age'>
type ReadTx = Parameters<typeof findPolicy>[0]

async function preview (
  services: Services, request: FastifyRequest, reply: FastifyReply,
  wishOf: (tx: ReadTx) => Promise<Wish>
): Promise<PolicyPreview> {
  const tenant = tenantOf(callerOf(request))
  return await readTenant(services, request, reply, async (tx) => {
    const { category, action, age } = await wishOf(tx)
    const cutoff = cutoffOf(age, services.now())
    return { cutoff, ...await countDue(tx, tenant, { category, action, cutoff }, PREVIEW_MAX) }
  })
}

async function currentPolicy (
  services: Services, request: FastifyRequest, reply: FastifyReply, id: string
): Promise<PolicyRecord> {
  const tenant = tenantOf(callerOf(request))
  return found(await readCurrent(services, request, reply, async (tx) => {
    return await findPolicy(tx, tenant, id)
  }))
}

function found (record: PolicyRecord | undefined): PolicyRecord {
  if (record === undefined) throw new LedgerError('NOT_FOUND', 'There is no such retention policy')
  return record
}

function belowFloor (age: RetentionAge): LedgerError {
  const [pointer, floor] = age.days === undefined
    ? ['/age/months', `${FLOOR_MONTHS} months`]
    : ['/age/days', `${FLOOR_DAYS} days`]
  return refusal([{ pointer, detail: `is below ${floor}: that must be forced` }])
}

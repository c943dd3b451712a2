import type { Static } from '@sinclair/typebox'
import { uuidv7 } from 'uuidv7'
import {
  activeHolds, findHold, listHolds as readHolds
} from '../../../projections/erasure-records/holds.ts'
import type { HoldScope } from '../../../schemas/events/erasure.ts'
import {
  HoldPage, HoldParams, HOLDS_MAX, HoldsQuery, HoldView, PlaceHold, ReleaseHold
} from '../../../schemas/http/holds.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import type { SubjectRef } from '../../../schemas/primitives.ts'
import { LedgerError } from '../../errors.ts'
import { holdPlacedEvent, holdReleasedEvent } from '../../ledger/erasure-events.ts'
import { lockHolds } from '../../postgres/locks.ts'
import { changeInTenant } from '../../postgres/transaction.ts'
import { isPersonType } from '../../privacy/personal.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { readCurrent } from '../current.ts'
import { sealCursor } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { holdView } from '../erasure-view.ts'
import { refuseNaming } from '../named.ts'
import { actorOf } from '../own-events.ts'
import { pageRequest, sendPage } from '../pages.ts'
import { readTenant } from '../reading.ts'
import { requireRoom } from '../room.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'

const tags = ['privacy']

/** Forbids to erase or remove a person, an entity's events, or anything. */
export const placeHold = (services: Services): Endpoint => endpoint({
  summary: 'Place a hold',
  description: 'On a subject, an entity with everybody whom its events name, or the whole ' +
    'tenant. Erasures that are not ordered yet wait until it is released or its time is over. ' +
    `At most ${HOLDS_MAX} are active.`,
  operationId: 'placeHold',
  tags,
  body: PlaceHold,
  response: { 201: HoldView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const tenant = tenantOf(caller)
  const wish = request.body
  const { reason, until = null } = wish
  requireOne(wish)
  if (until !== null && Date.parse(until) <= services.now()) {
    throw refusal([{ pointer: '/until', detail: 'has passed' }])
  }
  await requireRoom(services.pool, tenant, {
    max: HOLDS_MAX,
    count: async (tx) => (await activeHolds(tx, tenant)).length,
    full: `${HOLDS_MAX} holds are active: release one first`
  })
  const [id, actor] = [uuidv7(), actorOf(caller)]
  const recorded = await changeInTenant(services.pool, tenant, async (tx) => {
    await lockHolds(tx, tenant)
    const scope = await scopeOf(services, tenant, wish)
    const data = { scope, reason, until }
    const event = holdPlacedEvent(tenant, id, { actor, data })
    const [receipt] = await services.ledger.recordOwn(tenant, [event])
    return { scope, placedAt: receipt?.recordedAt ?? '' }
  })
  reply.header('location', `/v1/holds/${id}`)
  return await reply.code(201).send({
    id,
    active: true,
    ...recorded,
    reason,
    until,
    placedBy: { id: caller.keyId, name: caller.name },
    releasedAt: null,
    releasedBy: null,
    releaseReason: null
  })
})

/** All holds of the tenant. */
export const listHolds = (services: Services): Endpoint => endpoint({
  summary: 'List holds',
  description: 'Those placed last first; released ones too.',
  operationId: 'listHolds',
  tags,
  querystring: HoldsQuery,
  headers: AtLeast,
  response: { 200: HoldPage }
}, async (request, reply) => {
  const { active } = request.query
  const { limit, before, scope } = await pageRequest(services, request, request.query)
  const records = await readTenant(services, request, reply, async (tx) => {
    return await readHolds(tx, { active }, { limit: limit + 1, before })
  })
  const last = records.length > limit ? records[limit - 1] : undefined
  const nextCursor = last === undefined ? null : sealCursor(scope, String(last.position))
  const items = records.slice(0, limit).map((record) => JSON.stringify(holdView(record)))
  return await sendPage(request, reply, { items, nextCursor })
})

/** Ends a hold; releasing it again changes and records nothing. */
export const releaseHold = (services: Services): Endpoint => endpoint({
  summary: 'Release a hold',
  description: 'Erasures that it forbade go on by themselves.',
  operationId: 'releaseHold',
  tags,
  params: HoldParams,
  body: ReleaseHold,
  response: { 200: HoldView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const tenant = tenantOf(caller)
  const { id } = request.params
  const read = async (): Promise<HoldView> => {
    const record = await readCurrent(services, request, reply, async (tx) => {
      return await findHold(tx, id)
    })
    if (record === undefined) throw new LedgerError('NOT_FOUND', 'There is no such hold')
    return holdView(record)
  }
  const before = await read()
  if (before.releasedAt !== null) return before
  await services.ledger.recordOwn(tenant, [holdReleasedEvent(tenant, id, {
    actor: actorOf(caller), data: { reason: request.body.reason ?? null }
  })])
  return await read()
})

type Wish = Static<typeof PlaceHold>

function requireOne ({ subject, entity, tenant }: Wish): void {
  if ([subject, entity, tenant].filter((one) => one !== undefined).length === 1) return
  throw refusal([{ pointer: '', detail: 'needs exactly one of subject, entity and tenant' }])
}

/** Persons are put on record by their refs; one whom the ledger has yet to meet gets one. */
async function scopeOf (
  services: Services, tenant: string, { subject, entity, reason }: Wish
): Promise<HoldScope> {
  if (subject !== undefined) {
    refuseNaming(subject, { '/reason': reason })
    const { ref, ...rest } = await refsOf(services, tenant, subject)
    return { kind: 'subject', type: subject.type, ref, ...rest }
  }
  if (entity === undefined) return { kind: 'tenant' }
  const { type, id } = entity
  if (!isPersonType(type, await services.settings.get(tenant))) {
    return { kind: 'entity', type, key: id }
  }
  refuseNaming(entity, { '/reason': reason })
  const { ref: key, ...rest } = await refsOf(services, tenant, entity)
  return { kind: 'entity', type, key, ...rest }
}

/**
 * All refs of the person, who may be about to be erased under one of them. The one in use is among
 * them, made if need be: whoever comes back would get one that no hold names.
 */
async function refsOf (
  { vault }: Services, tenant: string, subject: SubjectRef
): Promise<{ ref: string, others?: string[] }> {
  const [ref, ...others] = await vault.refs(tenant, subject)
  if (ref === undefined) throw new LedgerError('INTERNAL', 'the vault gave no ref')
  return others.length === 0 ? { ref } : { ref, others }
}

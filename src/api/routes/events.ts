import {
  countEvents, estimateEvents, listEvents as readEvents
} from '../../../projections/entries/queries.ts'
import {
  EventPage, EventParams, EventsQuery, EventView, NoQuery
} from '../../../schemas/http/events.ts'
import { EventDiffView } from '../../../schemas/http/entities.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { Type } from '@sinclair/typebox'
import { leafHash } from '../../proof/leaf.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { correctedBy, correctionsOf } from '../corrections.ts'
import { diffOfEvent } from '../event-diff.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { eventFilter } from '../filters.ts'
import { readLeaf } from '../leaf.ts'
import { sendEvents, sendText } from '../pages.ts'
import { accessOf, presentRows } from '../present.ts'
import { readTenant } from '../reading.ts'
import { placeOf, requireEvent } from '../removed.ts'
import type { Services } from '../services.ts'

const tags = ['read']

/** The tenant's events, newest first. */
export const listEvents = (services: Services): Endpoint => endpoint({
  summary: 'List events',
  description: 'Newest first; every filter that is given must hold.',
  operationId: 'listEvents',
  tags,
  querystring: EventsQuery,
  headers: AtLeast,
  response: { 200: EventPage }
}, async (request, reply) => {
  const tenant = tenantOf(callerOf(request))
  const filter = await eventFilter(services.vault, tenant, request.query)
  return await sendEvents(services, request, reply, {
    page: async (tx, page) => await readEvents(tx, filter, page),
    count: async (tx, cap) => await countEvents(tx, filter, cap),
    // The planner knows nothing of words.
    ...filter.q === undefined && { estimate: async (tx) => await estimateEvents(tx, filter) }
  })
})

/** One event. */
export const oneEvent = (services: Services): Endpoint => endpoint({
  summary: 'Read an event',
  description: '410 /problems/removed where retention removed it: by which run of which policy, ' +
    'and when. Then /raw and /proof still serve it, from the log.',
  operationId: 'readEvent',
  tags,
  params: EventParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: EventView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const { id } = request.params
  const [row, corrections] = await readTenant(services, request, reply, async (tx) => {
    return await Promise.all([requireEvent(tx, id), correctionsOf(tx, id)])
  })
  const reader = { tenant: tenantOf(caller), access: accessOf(caller) }
  const [text = '', ...others] = await presentRows(services, reader, [row, ...corrections])
  if (others.length === 0) return await sendText(reply, text)
  const shown = JSON.stringify(others.map((other) => correctedBy(JSON.parse(other))))
  return await sendText(reply, `${text.slice(0, -1)},"correctedBy":${shown}}`)
})

/** What one event changed, value by value. */
export const eventDiff = (services: Services): Endpoint => endpoint({
  summary: 'Read what an event changed',
  description: 'From before and after, or from the changes where only those were sent; with the ' +
    'validation errors and business rules of the change.',
  operationId: 'readEventDiff',
  tags,
  params: EventParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: EventDiffView }
}, async (request, reply) => {
  const { id } = request.params
  const row = await readTenant(services, request, reply, async (tx) => await requireEvent(tx, id))
  const caller = callerOf(request)
  const reader = { tenant: tenantOf(caller), access: accessOf(caller) }
  const [text = ''] = await presentRows(services, reader, [row])
  return diffOfEvent(JSON.parse(text))
})

/** The exact bytes that the event's leaf hash is over, read from the log itself. */
export const rawEvent = (services: Services): Endpoint => endpoint({
  summary: 'Read an event as the log holds it',
  description: 'RFC 8785 canonical JSON of id, stream, revision, type and data: the leaf data, ' +
    'also of an event that retention removed from all other reads. ' +
    'Ledger-Leaf-Hash is SHA-256(0x00 || these bytes), hex. Personal data is sealed in it.',
  operationId: 'readRawEvent',
  tags,
  params: EventParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: Type.Object({}, { additionalProperties: true }) }
}, async (request, reply) => {
  const { id } = request.params
  const place = await readTenant(services, request, reply, async (tx) => await placeOf(tx, id))
  const leaf = await readLeaf(services.log, place)
  reply.header('ledger-leaf-hash', leafHash(leaf).toString('hex'))
  return await sendText(reply, leaf)
})

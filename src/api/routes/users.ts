import { userSummary as readSummary } from '../../../projections/activity-summaries/queries.ts'
import { countFeed, listFeed } from '../../../projections/user-feeds/queries.ts'
import { EventPage, NarrowQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { SummaryQuery, UserParams, UserSummary } from '../../../schemas/http/users.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { requireDays } from '../days.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { narrowFilter, userRef } from '../filters.ts'
import { sendEvents, type EventList } from '../pages.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'

const tags = ['trails and feeds']

/** Everything by or about one user. */
export const userEvents = (services: Services): Endpoint => endpoint({
  summary: 'Read the feed of a user',
  description: 'Events by or about the user, newest first. A user whom the ledger does not know, ' +
    'or does not know any more, has none.',
  operationId: 'listUserEvents',
  tags,
  params: UserParams,
  querystring: NarrowQuery,
  headers: AtLeast,
  response: { 200: EventPage }
}, async (request, reply) => {
  const tenant = tenantOf(callerOf(request))
  const ref = await userRef(services.vault, tenant, request.params.id)
  return await sendEvents(services, request, reply, feed(ref, request.query))
})

/** The same for the user whom the caller's key is about. */
export const myEvents = (services: Services): Endpoint => endpoint({
  summary: 'Read one\'s own feed',
  description: 'Events by or about the user whom the key is for. What is personal to others ' +
    'stays sealed.',
  operationId: 'listMyEvents',
  tags,
  querystring: NarrowQuery,
  headers: AtLeast,
  response: { 200: EventPage }
}, async (request, reply) => {
  const { subjectRef } = callerOf(request)
  if (subjectRef === undefined) throw new LedgerError('FORBIDDEN', 'The key is about no user')
  return await sendEvents(services, request, reply, feed(subjectRef, request.query))
})

/** How much a user did, and what. */
export const userSummary = (services: Services): Endpoint => endpoint({
  summary: 'Summarise what a user did',
  description: 'Counts of the events that the user acted in, by the day (UTC) of occurredAt.',
  operationId: 'summariseUser',
  tags,
  params: UserParams,
  querystring: SummaryQuery,
  headers: AtLeast,
  response: { 200: UserSummary }
}, async (request, reply) => {
  const tenant = tenantOf(callerOf(request))
  const days = request.query
  requireDays(days)
  const ref = await userRef(services.vault, tenant, request.params.id)
  const summary = await readTenant(services, request, reply, async (tx) => {
    // A person that nobody knows did nothing; '' is no ref, so the answer has the usual shape.
    return await readSummary(tx, { type: 'user', key: ref ?? '' }, days)
  })
  const { firstPosition, lastPosition, firstAt, lastAt, ...counts } = summary
  return {
    ...counts,
    firstAt: firstAt ?? null,
    lastAt: lastAt ?? null,
    firstPosition: firstPosition === undefined ? null : String(firstPosition),
    lastPosition: lastPosition === undefined ? null : String(lastPosition)
  }
})

function feed (ref: string | undefined, query: typeof NarrowQuery['static']): EventList {
  const filter = narrowFilter(query)
  if (ref === undefined) return { page: async () => [], count: async () => 0 }
  return {
    page: async (tx, page) => await listFeed(tx, ref, filter, page),
    count: async (tx, cap) => await countFeed(tx, ref, filter, cap)
  }
}

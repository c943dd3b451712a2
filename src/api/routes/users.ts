import { userSummary as readSummary } from '../../../projections/activity-summaries/queries.ts'
import {
  countFeed, listFeed, type PersonRefs
} from '../../../projections/user-feeds/queries.ts'
import { EventPage, NarrowQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { SummaryQuery, UserParams, UserSummary } from '../../../schemas/http/users.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { requireDays } from '../days.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { narrowFilter, personRefs } from '../filters.ts'
import { ownRef } from '../own.ts'
import { sendEvents, type EventList } from '../pages.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'

const tags = ['trails and feeds']

/** Everything by or about one user. */
export const userEvents = (services: Services): Endpoint => endpoint({
  summary: 'Read the feed of a user',
  description: 'Events by or about the user, newest first. 404 for a user whom the ledger does ' +
    'not know, or does not know any more.',
  operationId: 'listUserEvents',
  tags,
  params: UserParams,
  querystring: NarrowQuery,
  headers: AtLeast,
  response: { 200: EventPage }
}, async (request, reply) => {
  const tenant = tenantOf(callerOf(request))
  const user = await knownUser(services, tenant, request.params.id)
  return await sendEvents(services, request, reply, feed(user, request.query))
})

/** The same for the user whom the caller's key is about. */
export const myEvents = (services: Services): Endpoint => endpoint({
  summary: 'Read one\'s own feed',
  description: 'Events by or about the user whom the key is for. What is personal to others ' +
    'stays sealed, except in what the user did: whoever did it has seen it.',
  operationId: 'listMyEvents',
  tags,
  querystring: NarrowQuery,
  headers: AtLeast,
  response: { 200: EventPage }
}, async (request, reply) => {
  const ref = await ownRef(services, callerOf(request))
  return await sendEvents(services, request, reply, feed({ ref }, request.query))
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
  const { ref: key } = await knownUser(services, tenant, request.params.id)
  const summary = await readTenant(services, request, reply, async (tx) => {
    return await readSummary(tx, { type: 'user', key }, days)
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

/** Who was erased and who never was are the same to a vault that has no key of theirs. */
async function knownUser ({ vault }: Services, tenant: string, id: string): Promise<PersonRefs> {
  const user = await personRefs(vault, tenant, { type: 'user', id })
  if (user === undefined) throw new LedgerError('NOT_FOUND', 'The ledger knows no such user')
  return user
}

function feed (user: PersonRefs, query: typeof NarrowQuery['static']): EventList {
  const filter = narrowFilter(query)
  return {
    page: async (tx, page) => await listFeed(tx, user, filter, page),
    count: async (tx, cap) => await countFeed(tx, user, filter, cap)
  }
}

import { userSummary, type UserSummary } from '../../../projections/activity-summaries/queries.ts'
import { actedBy } from '../../../projections/user-feeds/queries.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { TruledgrSummary, TruledgrUserParams } from '../../../schemas/http/truledgr.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { userRef } from '../filters.ts'
import { ownRef } from '../own.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'
import { actingUserId } from './shown.ts'
import { readNewest, type Exchange } from './window.ts'

const tags = ['TruLedgr']

/** What the caller did, counted. */
export const ownSummary = (services: Services): Endpoint => endpoint({
  summary: 'Summarise one\'s own activity',
  operationId: 'truledgr-own-summary',
  tags,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: TruledgrSummary }
}, async (request, reply) => {
  const ref = await ownRef(services, callerOf(request))
  const [counts, newest] = await Promise.all([
    summarise(services, { request, reply }, ref),
    // Only what the user did says under which id.
    readNewest(services, { request, reply }, actedBy(ref, {}))
  ])
  return { user_id: newest === undefined ? null : actingUserId(newest), ...counts }
})

/** What a user did, counted, for auditors. */
export const adminSummary = (services: Services): Endpoint => endpoint({
  summary: 'Summarise the activity of a user',
  operationId: 'truledgr-admin-summary',
  tags,
  params: TruledgrUserParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: TruledgrSummary }
}, async (request, reply) => {
  const { user_id: id } = request.params
  const ref = await userRef(services.vault, tenantOf(callerOf(request)), id)
  return { user_id: id, ...await summarise(services, { request, reply }, ref) }
})

/** Of a person whom nobody knows, or knows any more: what the erased did is counted as nobody's. */
const NOTHING: UserSummary = {
  events: 0,
  firstAt: undefined,
  lastAt: undefined,
  firstPosition: undefined,
  lastPosition: undefined,
  byCategory: {},
  byAction: {},
  byOutcome: {},
  byDay: {}
}

async function summarise (
  services: Services, { request, reply }: Exchange, ref: string | undefined
): Promise<Omit<typeof TruledgrSummary['static'], 'user_id'>> {
  const counts = await readTenant(services, request, reply, async (tx) => {
    return ref === undefined ? NOTHING : await userSummary(tx, { type: 'user', key: ref })
  })
  return {
    total_activities: counts.events,
    by_activity_type: counts.byAction,
    by_category: counts.byCategory,
    by_status: counts.byOutcome,
    by_day: counts.byDay,
    first_activity_at: counts.firstAt ?? null,
    last_activity_at: counts.lastAt ?? null
  }
}

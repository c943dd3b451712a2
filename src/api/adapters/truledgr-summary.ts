import { userSummary } from '../../../projections/activity-summaries/queries.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { TruledgrSummary, TruledgrUserParams } from '../../../schemas/http/truledgr.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { userRef } from '../filters.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'
import type { Exchange } from './window.ts'

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
  const { subjectRef } = callerOf(request)
  if (subjectRef === undefined) throw new LedgerError('FORBIDDEN', 'The key is about no user')
  const counts = await summarise(services, { request, reply }, subjectRef)
  return { user_id: subjectRef, ...counts }
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

async function summarise (
  services: Services, { request, reply }: Exchange, ref: string | undefined
): Promise<Omit<typeof TruledgrSummary['static'], 'user_id'>> {
  const counts = await readTenant(services, request, reply, async (tx) => {
    // A person that nobody knows did nothing; '' is no ref, so the answer has the usual shape.
    return await userSummary(tx, { type: 'user', key: ref ?? '' })
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

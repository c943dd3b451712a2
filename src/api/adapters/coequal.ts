import { ownLog } from '../../../projections/user-feeds/queries.ts'
import { ActivityLogs, ActivityLogsQuery } from '../../../schemas/http/coequal.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import type { Services } from '../services.ts'
import { capped, readWindow, requireNear } from './window.ts'

/** The caller's own log, newest first, as Coequal documents it. */
export const activityLogs = (services: Services): Endpoint => endpoint({
  summary: 'Read one\'s own activity log',
  description: 'What the user of the key did, and what programs did for them, newest first.',
  operationId: 'coequalActivityLogs',
  tags: ['Coequal'],
  querystring: ActivityLogsQuery,
  headers: AtLeast,
  response: { 200: ActivityLogs }
}, async (request, reply) => {
  const { subjectRef } = callerOf(request)
  if (subjectRef === undefined) throw new LedgerError('FORBIDDEN', 'The key is about no user')
  const window = { limit: capped(request.query.limit), offset: request.query.offset ?? 0 }
  requireNear(window, 'offset')
  const { events, ...total } = await readWindow(
    services, { request, reply }, ownLog(subjectRef, {}), window)
  const items = events.map(({ id, action, occurredAt, data }) => ({
    id, action, createdAt: Math.floor(Date.parse(occurredAt) / 1_000), payload: data ?? null
  }))
  return { items, ...total, ...window }
})

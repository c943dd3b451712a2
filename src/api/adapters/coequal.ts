import { ownLog } from '../../../projections/user-feeds/queries.ts'
import { ActivityLogs, ActivityLogsQuery } from '../../../schemas/http/coequal.ts'
import type { EventView } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { getAt } from '../../../schemas/pointer.ts'
import { callerOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { ownRef } from '../own.ts'
import type { Services } from '../services.ts'
import { isHidden } from '../state-step.ts'
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
  const ref = await ownRef(services, callerOf(request))
  const window = { limit: capped(request.query.limit), offset: request.query.offset ?? 0 }
  requireNear(window, 'offset')
  const { events, ...total } = await readWindow(
    services, { request, reply }, ownLog(ref, {}), window)
  const items = events.map((event) => ({
    id: event.id,
    action: event.action,
    createdAt: Math.floor(Date.parse(event.occurredAt) / 1_000),
    payload: payloadOf(event)
  }))
  return { items, ...total, ...window }
})

const INPUT = 'assignment_input_'
const STUDENT = 'student'

/**
 * What an entry tells. Names of several students in one text could only be sealed for one of
 * them: where the students are related to what was done, studentName is made of their own.
 */
function payloadOf ({ action, data = null, related = [] }: EventView): unknown {
  const students = related.filter(({ type }) => type === STUDENT)
  const isMissing = action.startsWith(INPUT) && students.length > 0 && typeof data === 'object' &&
    !isHidden(data) && getAt(data, '/studentName') === undefined
  return isMissing ? { ...data, studentName: students.map(nameOf).join(', ') } : data
}

function nameOf ({ name, id, erased }: EventView['actor']): string {
  return name ?? id ?? (erased === true ? '(erased)' : '(sealed)')
}

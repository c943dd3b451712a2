import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { ActivityDetail, ActivityPage, ActivityParams, ActivityQuery } from
  '../../../schemas/http/sovrium.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import type { Services } from '../services.ts'
import { activityOf, detailOf, paginationOf, windowOf } from './activity.ts'
import { activityFilter } from './mosaic.ts'
import { readShown, readWindow } from './window.ts'

/** The tenant's log by pages, newest first, as Sovrium documents it. */
export const activityList = (services: Services): Endpoint => endpoint({
  summary: 'List activity',
  description: 'Newest first. create, update, delete and restore mean actions of these names ' +
    'and record.created, record.updated, record.deleted and record.restored.',
  operationId: 'sovriumListActivity',
  tags: ['Sovrium', 'Mosaic'],
  querystring: ActivityQuery,
  headers: AtLeast,
  response: { 200: ActivityPage }
}, async (request, reply) => {
  const window = windowOf(request.query)
  const tenant = tenantOf(callerOf(request))
  const filter = await activityFilter(services, tenant, request.query)
  const page = await readWindow(services, { request, reply }, { filter }, window)
  return { activities: page.events.map(activityOf), pagination: paginationOf(page, window) }
})

/** One entry in full. */
export const oneActivity = (services: Services): Endpoint => endpoint({
  summary: 'Read an activity',
  operationId: 'sovriumReadActivity',
  tags: ['Sovrium', 'Mosaic'],
  params: ActivityParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: ActivityDetail }
}, async (request, reply) => {
  const id = request.params.activityId.replace('act_', '')
  const event = await readShown(services, { request, reply }, id)
  return detailOf(event, tenantOf(callerOf(request)))
})

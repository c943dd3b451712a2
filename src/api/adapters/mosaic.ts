import type { Selection } from '../../../projections/entries/queries.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { ActivityPagesQuery, ActivityTrail, AuditParams, type ActivityQuery } from
  '../../../schemas/http/sovrium.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { eventFilter, partyOf, requireRange } from '../filters.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'
import { actionsMeant, detailOf, paginationOf, windowOf } from './activity.ts'
import { ofTheSystems, readWindow } from './window.ts'

/** Mosaic's names of entity types; its producers' helpers write them in lower case. */
const ENTITY_TYPES = new Set(['TASK', 'EVENT', 'PROJECT', 'WORKSPACE', 'USER', 'IDEA', 'DOMAIN'])

/** The audit trail of an entity, newest first, as Mosaic documents it. */
export const activityAudit = (services: Services): Endpoint => endpoint({
  summary: 'Read the audit trail of an entity',
  description: 'Everything that happened to it or names it, newest first. The types TASK, EVENT, ' +
    'PROJECT, WORKSPACE, USER, IDEA and DOMAIN mean the same in lower case.',
  operationId: 'mosaicActivityAudit',
  tags: ['Mosaic'],
  params: AuditParams,
  querystring: ActivityPagesQuery,
  headers: AtLeast,
  response: { 200: ActivityTrail }
}, async (request, reply) => {
  const { entityType, entityId } = request.params
  const tenant = tenantOf(callerOf(request))
  const window = windowOf(request.query)
  const type = entityTypeOf(entityType)
  const entity = await partyOf(services.vault, tenant, { type, id: entityId })
  const page = await readWindow(services, { request, reply }, {
    filter: {}, driver: { table: 'entity_trail', type: entity.type, key: entity.key }
  }, window)
  return {
    activities: page.events.map((event) => detailOf(event, tenant)),
    pagination: paginationOf(page, window)
  }
})

/** The filters of the list, Sovrium's and Mosaic's alike. */
export async function activityFilter (
  { vault }: Services, tenant: string, query: ActivityQuery
): Promise<Selection['filter']> {
  const { table, action, userId, entityType, entityId, startDate, endDate } = query
  requireRange('endDate', startDate, endDate)
  // A table is called what it is called: its name is none of Mosaic's.
  const type = table ?? (entityType && entityTypeOf(entityType))
  if (table !== undefined && entityType !== undefined && table !== entityType) {
    throw refusal([{ pointer: 'entityType', detail: 'is not the table' }])
  }
  if (entityId !== undefined && type === undefined) {
    throw refusal([{ pointer: 'entityId', detail: 'goes with entityType' }])
  }
  const filter = await eventFilter(vault, tenant, {
    ...(userId !== undefined && { actor: userId }),
    ...(type !== undefined && (entityId === undefined
      ? { entityType: type }
      : { entity: `${type}:${entityId}` })),
    ...(startDate !== undefined && { from: startDate }),
    ...(endDate !== undefined && { to: endDate })
  })
  return ofTheSystems(action === undefined ? filter : { ...filter, action: actionsMeant(action) })
}

/** The type that Mosaic's name of one means; every other name means itself. */
export function entityTypeOf (name: string): string {
  return ENTITY_TYPES.has(name) ? name.toLowerCase() : name
}

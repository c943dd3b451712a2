import type { EventFilter, Selection } from '../../../projections/entries/queries.ts'
import { actedBy } from '../../../projections/user-feeds/queries.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import {
  ActivitiesQuery, TruledgrActivities, TruledgrActivity, TruledgrActivityParams,
  TruledgrUserParams
} from '../../../schemas/http/truledgr.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf, tenantOf, type Caller } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { eventFilter, requireRange, userRef } from '../filters.ts'
import { ownRef } from '../own.ts'
import { accessOf } from '../present.ts'
import type { Vault } from '../../privacy/vault.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'
import { activityItem, KINDS, membersOf, selectFields, type Kind } from './truledgr-shape.ts'
import { uuidOf } from './ulid.ts'
import { capped, ofTheSystems, readShown, readWindow, requireNear, type Exchange } from
  './window.ts'

const tags = ['TruLedgr']
const LIST = {
  description: 'Newest first. A user\'s key lists what that user did, an auditor\'s what ' +
    'anybody in the tenant did.',
  tags,
  querystring: ActivitiesQuery,
  headers: AtLeast,
  response: { 200: TruledgrActivities }
} as const

/** A maker of the route that lists one kind. */
const listOf = (name: keyof typeof KINDS) => (services: Services) => withoutSlash(endpoint({
  ...LIST,
  summary: `List ${name.replace('-', ' ')}`,
  operationId: `truledgr-${name}`
}, async (request, reply) => {
  return await list(services, { request, reply }, { query: request.query, kind: KINDS[name] })
}))

/** Serves an address that ends in a slash without it as well; it is described once. */
function withoutSlash (one: Endpoint): Endpoint {
  return (scope, at) => {
    one(scope, at)
    one(scope, { ...at, url: at.url.slice(0, -1), isHidden: true })
  }
}

export const apiTransactions = listOf('api-transactions')
export const dataAccess = listOf('data-access')
export const dataChanges = listOf('data-changes')
export const authEvents = listOf('auth-events')
export const externalApi = listOf('external-api')
export const systemEvents = listOf('system-events')

/** Activities of all kinds. */
export const activities = (services: Services): Endpoint => withoutSlash(endpoint({
  ...LIST,
  summary: 'List activities',
  operationId: 'truledgr-activities'
}, async (request, reply) => {
  return await list(services, { request, reply }, { query: request.query })
}))

/** One user's activities, for auditors. */
export const adminActivities = (services: Services): Endpoint => endpoint({
  ...LIST,
  summary: 'List the activities of a user',
  description: 'Newest first.',
  operationId: 'truledgr-admin-activities',
  params: TruledgrUserParams
}, async (request, reply) => {
  const { user_id: asked = request.params.user_id, ...others } = request.query
  if (asked !== request.params.user_id) {
    throw refusal([{ pointer: 'user_id', detail: 'is not the one of the address' }])
  }
  return await list(services, { request, reply }, { query: { ...others, user_id: asked } })
})

/** One activity. */
export const activity = (services: Services): Endpoint => endpoint({
  summary: 'Read an activity',
  operationId: 'truledgr-activity',
  tags,
  params: TruledgrActivityParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: TruledgrActivity }
}, async (request, reply) => {
  const own = await onlyOf(services, callerOf(request))
  const selection = own === undefined ? undefined : actedBy(own, {})
  const id = uuidOf(request.params.activity_id)
  const event = await readShown(services, { request, reply }, id, selection)
  const kind = Object.values<Kind>(KINDS).find(({ category }) => category === event.category)
  return { ...activityItem(event), ...kind?.members(event) }
})

interface Asked {
  query: ActivitiesQuery
  kind?: Kind | undefined
}

async function list (
  services: Services, exchange: Exchange, { query, kind }: Asked
): Promise<typeof TruledgrActivities['static']> {
  const window = { limit: capped(query.limit), offset: query.offset ?? 0 }
  requireNear(window, 'offset')
  const fields = fieldsOf(query.fields, kind)
  const selection = await selectionOf(services, callerOf(exchange.request), { query, kind })
  const { events, ...total } = await readWindow(services, exchange, selection, window)
  const items = events.map((event) => selectFields(
    { ...activityItem(event), ...kind?.members(event) }, fields))
  return { items, ...total, ...window }
}

/** The members that are asked for; undefined: all. Refuses a name that no item has. */
function fieldsOf (text: string | undefined, kind: Kind | undefined): string[] | undefined {
  const names = text?.split(',')
  const known = membersOf(kind)
  const unknown = names?.find((name) => !known.includes(name))
  if (unknown === undefined) return names
  throw refusal([{ pointer: 'fields', detail: `${unknown} is none of ${known.join()}` }])
}

/** Undefined: nobody of that id is known, so there is nothing. */
async function selectionOf (
  services: Services, caller: Caller, { query, kind }: Asked
): Promise<Selection | undefined> {
  const { vault } = services
  const tenant = tenantOf(caller)
  const own = await onlyOf(services, caller)
  if (own !== undefined && query.user_id !== undefined) {
    throw new LedgerError('FORBIDDEN', 'A user\'s key lists that user\'s own activities')
  }
  const filter = await filterOf(vault, tenant, query)
  const whole = { ...filter, ...kind && { category: kind.category } }
  if (own !== undefined) return actedBy(own, whole)
  if (query.user_id === undefined) return { filter: ofTheSystems(whole) }
  const ref = await userRef(vault, tenant, query.user_id)
  return ref === undefined ? undefined : actedBy(ref, whole)
}

async function filterOf (
  vault: Vault, tenant: string, query: ActivitiesQuery
): Promise<EventFilter> {
  const { activity_type: action, entity_type: type, entity_id: id, status, tag } = query
  const { start_date: from, end_date: to } = query
  requireRange('end_date', from, to)
  if (id !== undefined && type === undefined) {
    throw refusal([{ pointer: 'entity_id', detail: 'goes with entity_type' }])
  }
  return await eventFilter(vault, tenant, {
    ...(action !== undefined && { action }),
    ...(type !== undefined && (id === undefined
      ? { entityType: type }
      : { entity: `${type}:${id}` })),
    ...(status !== undefined && { outcome: status }),
    ...(tag !== undefined && { tag }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to })
  })
}

/** Whose activities alone the caller may see; undefined for auditors, who see everybody's. */
async function onlyOf (services: Services, caller: Caller): Promise<string | undefined> {
  return accessOf(caller) === 'opened' ? undefined : await ownRef(services, caller)
}

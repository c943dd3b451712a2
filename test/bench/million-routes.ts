import { entityOf, START_MS, TENANTS, userOf } from './generator.ts'

/** A kind of request, measured by itself. */
export interface Measured {
  readonly name: string
  /** As the OpenAPI document has it; what is not there is skipped. */
  readonly route: string
  /** A parameter that the route must know, as others come later. */
  readonly parameter?: string
  /** Whose key: of a reader of the tenant, or of the busiest user alone. */
  readonly key?: 'self'
  readonly paths: readonly string[]
}

const PAGE = 50
/** The busiest users and entities, asked for in turn. */
const RANKS = 20
const [TENANT] = TENANTS

const ofUsers = (path: (id: string) => string): string[] =>
  Array.from({ length: RANKS }, (_, rank) => path(userOf(rank).id))
const ofEntities = (path: (type: string, id: string) => string): string[] =>
  Array.from({ length: RANKS }, (_, rank) => {
    const { type, id } = entityOf(rank)
    return path(type, id)
  })
const lists = (system: string, routes: readonly string[], query: string): Measured[] =>
  routes.map((route) => ({ name: `${system} ${route}`, route, paths: [route + query] }))

const organization = '/organizations/{organizationId}'
const SYSTEMS: readonly Measured[] = [
  ...lists('Sovrium, Mosaic', ['/api/activity'], `?pageSize=${PAGE}`),
  ...[
    ['table & action', `table=order&action=order.updated&pageSize=${PAGE}`],
    ['table & action, page 20', `table=order&action=order.updated&pageSize=${PAGE}&page=20`],
    ['page 51 of 200', 'pageSize=200&page=51'],
    ['many, capped total', `action=order.*&pageSize=${PAGE}`]
  ].map(([name, query]) => ({
    name: `Sovrium, Mosaic ${name}`, route: '/api/activity', paths: [`/api/activity?${query}`]
  })),
  {
    name: 'Mosaic /api/activity of a user',
    route: '/api/activity',
    paths: ofUsers((id) => `/api/activity?userId=${id}&pageSize=${PAGE}`)
  },
  {
    name: 'Mosaic audit trail',
    route: '/api/activity/audit/{entityType}/{entityId}',
    paths: ofEntities((type, id) => `/api/activity/audit/${type}/${id}`)
  },
  {
    name: 'Coequal /api/activity-logs',
    route: '/api/activity-logs',
    key: 'self',
    paths: [`/api/activity-logs?limit=${PAGE}`]
  },
  ...['actions', 'event-logs', 'tasks'].map((list) => ({
    name: `Equa ${list}`,
    route: `${organization}/${list}`,
    paths: [`/organizations/${TENANT}/${list}?limit=${PAGE}`]
  })),
  {
    name: 'TruLedgr changes, offset 10,000',
    route: '/activities/data-changes/',
    paths: [`/activities/data-changes/?limit=${PAGE}&offset=10000`]
  },
  ...lists('TruLedgr', [
    '/activities/', '/activities/api-transactions/', '/activities/data-access/',
    '/activities/data-changes/', '/activities/auth-events/', '/activities/external-api/',
    '/activities/system-events/'
  ], `?limit=${PAGE}`),
  {
    name: 'TruLedgr one user\'s activities',
    route: '/activities/admin/users/{user_id}/activities',
    paths: ofUsers((id) => `/activities/admin/users/${id}/activities?limit=${PAGE}`)
  },
  {
    name: 'TruLedgr one user\'s summary',
    route: '/activities/admin/summary/{user_id}',
    paths: ofUsers((id) => `/activities/admin/summary/${id}`)
  },
  {
    name: 'TruLedgr one\'s own summary',
    route: '/activities/summary/user',
    key: 'self',
    paths: ['/activities/summary/user']
  }
]

const events = (name: string, query: string): Measured =>
  ({ name: `events ${name}`, route: '/v1/events', paths: [`/v1/events?limit=${PAGE}${query}`] })
const groups = (query: string): Measured => ({
  name: `aggregations ${query}`,
  route: '/v1/aggregations',
  paths: [`/v1/aggregations?${query}`]
})
/** A part of the only day that the generator tells of: its events are counted one by one. */
const HOUR = [0.5, 1.5].map((hours) => new Date(START_MS + hours * 3_600_000).toISOString())

const OURS: readonly Measured[] = [
  events('list', ''),
  events('action=order.*', '&action=order.*'),
  events('category=auth', '&category=auth'),
  events('outcome=failure', '&outcome=failure'),
  events('tag=web', '&tag=web'),
  events('count=exact', '&count=exact'),
  {
    name: 'feed',
    route: '/v1/users/{id}/events',
    paths: ofUsers((id) => `/v1/users/${id}/events?limit=${PAGE}`)
  },
  {
    name: 'feed of one\'s own',
    route: '/v1/me/events',
    key: 'self',
    paths: [`/v1/me/events?limit=${PAGE}`]
  },
  {
    name: 'trail',
    route: '/v1/entities/{type}/{id}/events',
    paths: ofEntities((type, id) => `/v1/entities/${type}/${id}/events?limit=${PAGE}`)
  },
  {
    name: 'summary of a user',
    route: '/v1/users/{id}/summary',
    paths: ofUsers((id) => `/v1/users/${id}/summary`)
  },
  ...['category', 'action', 'day', 'actor', 'category,action,outcome,actor,day', 'source',
    'entityType'].map((groupBy) => groups(`groupBy=${groupBy}`)),
  ...['day', 'week', 'month', 'hour'].map((interval) => groups(`interval=${interval}`)),
  groups('interval=day&action=order.*&outcome=failure'),
  { ...groups(`groupBy=action&from=${HOUR.join('&to=')}`), name: 'aggregations of an hour' },
  {
    name: 'failed sign-ins by user',
    route: '/v1/sign-ins/failed',
    paths: ['/v1/sign-ins/failed?from=2020-01-01T00:00:00Z']
  },
  {
    name: 'failed sign-ins by address, an hour',
    route: '/v1/sign-ins/failed',
    paths: [`/v1/sign-ins/failed?groupBy=address&from=${HOUR.join('&to=')}`]
  },
  { name: 'tasks', route: '/v1/tasks', paths: [`/v1/tasks?limit=${PAGE}`] },
  ...['order', 'ord-000000', 'Opened invoice'].map((q) => ({
    name: `search "${q}"`,
    route: '/v1/events',
    parameter: 'q',
    paths: [`/v1/events?limit=${PAGE}&q=${encodeURIComponent(q)}`]
  })),
  { name: 'checkpoint', route: '/v1/checkpoint', paths: ['/v1/checkpoint'] }
]

/** What is asked of single events, which only the ledger itself can name. */
function ofEvents (ids: readonly string[]): Measured[] {
  return ['', '/raw', '/proof', '/diff'].map((part) => ({
    name: `one event${part}`,
    route: `/v1/events/{id}${part}`,
    paths: ids.map((id) => `/v1/events/${id}${part}`)
  }))
}

/** Everything that is measured, given ids of events all over the largest tenant. */
export function measuredRoutes (ids: readonly string[]): readonly Measured[] {
  return [...SYSTEMS, ...OURS, ...ofEvents(ids)]
}

/** Why a route is not measured; undefined: it is there. */
export function missingFrom (
  document: unknown, { route, parameter }: Measured
): string | undefined {
  const path = memberOf(memberOf(document, 'paths'), route)
  if (path === undefined) return 'not in the OpenAPI document'
  if (parameter === undefined) return undefined
  const parameters = memberOf(memberOf(path, 'get'), 'parameters')
  const known = Array.isArray(parameters) &&
    parameters.some((one) => memberOf(one, 'name') === parameter)
  return known ? undefined : `no parameter ${parameter} in the OpenAPI document`
}

function memberOf (value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

import {
  aggregate, GROUPINGS, RAW_MAX, type Grouping, type SummaryFilter
} from '../../../projections/activity-summaries/aggregate.ts'
import {
  Aggregations, AggregationsQuery, TOP_DEFAULT, TOP_MAX, type Facet
} from '../../../schemas/http/aggregations.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { isPersonType } from '../../privacy/personal.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { spanOf } from '../days.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { eventFilter } from '../filters.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'

/** How many events there are of which kind, or when. */
export const aggregateEvents = (services: Services): Endpoint => endpoint({
  summary: 'Count events by kind and time',
  description: 'Counts by occurredAt (UTC), the largest groups first, of days and intervals the ' +
    'latest. Of several facets each ignores the filter of its own name. Whole days come from ' +
    'counts that are kept; parts of days, hours, source and entityType from the events ' +
    `themselves, ${RAW_MAX} at most: capped says if there are more. Events that a retention ` +
    'policy removed are in the former only. Failed sign-ins by user: ' +
    '?groupBy=actor&category=auth&outcome=failure.',
  operationId: 'aggregateEvents',
  tags: ['trails and feeds'],
  querystring: AggregationsQuery,
  headers: AtLeast,
  response: { 200: Aggregations }
}, async (request, reply) => {
  const { groupBy = '', interval, top, actor: asked, from, to, ...given } = request.query
  if (groupBy === '' && interval === undefined) {
    throw refusal([{ pointer: 'groupBy', detail: 'is missing, and so is interval' }])
  }
  const span = spanOf({ from, to })
  const named: Facets = GROUPINGS.filter((name) => groupBy.split(',').includes(name))
    .map((name) => [name, name])
  if (interval !== undefined) named.push(['interval', interval])
  const tenant = tenantOf(callerOf(request))
  const { actor } = asked === undefined
    ? {}
    : await eventFilter(services.vault, tenant, { actor: asked })
  const filter: SummaryFilter = { ...given, ...span, actor }
  const facets = await readTenant(services, request, reply, async (tx) => {
    return await Promise.all(named.map(async ([name, by]) => {
      const most = top ?? (name === 'interval' ? TOP_MAX : TOP_DEFAULT)
      const { groups, ...totals } = await aggregate(tx, by, { ...filter, [name]: undefined }, most)
      const shown = groups.map((group) => ({ ...group, key: keyOf(name, group.key) }))
      return [name, { groups: shown, ...totals }] as const
    }))
  })
  return { facets: Object.fromEntries(facets) }
})

type Facets = Array<[name: string, by: Grouping]>

function keyOf (name: string, text: string): Facet['groups'][number]['key'] {
  if (name === 'interval') return new Date(text).toISOString()
  if (name !== 'actor') return text
  const [type, key]: [string, string] = JSON.parse(text)
  if (key === '') return { type }
  return isPersonType(type, {}) ? { type, ref: key } : { type, id: key }
}

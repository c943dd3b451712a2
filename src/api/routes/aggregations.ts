import {
  aggregate, GROUPINGS, type Grouping, type SummaryFilter
} from '../../../projections/activity-summaries/aggregate.ts'
import {
  Aggregations, AggregationsQuery, TOP_DEFAULT, type Facet
} from '../../../schemas/http/aggregations.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { isPersonType } from '../../privacy/personal.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { requireDays } from '../days.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { eventFilter } from '../filters.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'

/** How many events there are of which kind. */
export const aggregateEvents = (services: Services): Endpoint => endpoint({
  summary: 'Count events by kind',
  description: 'Counts by the day (UTC) of occurredAt, the largest groups first, of days the ' +
    'latest. Of several facets each ignores the filter of its own name. Failed sign-ins by user: ' +
    '?groupBy=actor&category=auth&outcome=failure.',
  operationId: 'aggregateEvents',
  tags: ['trails and feeds'],
  querystring: AggregationsQuery,
  headers: AtLeast,
  response: { 200: Aggregations }
}, async (request, reply) => {
  const { groupBy, top = TOP_DEFAULT, actor: asked, ...given } = request.query
  requireDays(given)
  const names = GROUPINGS.filter((name) => groupBy.split(',').includes(name))
  const tenant = tenantOf(callerOf(request))
  const { actor } = asked === undefined
    ? {}
    : await eventFilter(services.vault, tenant, { actor: asked })
  const filter: SummaryFilter = { ...given, actor }
  const facets = await readTenant(services, request, reply, async (tx) => {
    return await Promise.all(names.map(async (name) => {
      const { groups, ...totals } = await aggregate(tx, name, { ...filter, [name]: undefined }, top)
      const shown = groups.map((group) => ({ ...group, key: keyOf(name, group.key) }))
      return [name, { groups: shown, ...totals }] as const
    }))
  })
  return { facets: Object.fromEntries(facets) }
})

function keyOf (name: Grouping, text: string): Facet['groups'][number]['key'] {
  if (name !== 'actor') return text
  const [type, key]: [string, string] = JSON.parse(text)
  if (key === '') return { type }
  return isPersonType(type, {}) ? { type, ref: key } : { type, id: key }
}

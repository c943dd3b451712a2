import type { Static } from '@sinclair/typebox'
import { countTrail, listTrail } from '../../../projections/entity-trails/queries.ts'
import { diff } from '../../../projections/entity-trails/diff.ts'
import {
  BlameView, DiffQuery, DiffView, EntityParams, StateQuery, StateView
} from '../../../schemas/http/entities.ts'
import { EventPage, NarrowQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { statesAt, type StateAt } from '../entity-state.ts'
import { entityParty, narrowFilter } from '../filters.ts'
import { parseMoment } from '../moment.ts'
import { sendEvents } from '../pages.ts'
import type { Services } from '../services.ts'
import { LedgerError } from '../../errors.ts'

const tags = ['trails and feeds']

/** Everything that happened to an entity or names it. */
export const entityTrail = (services: Services): Endpoint => endpoint({
  summary: 'Read the trail of an entity',
  description: 'Events that happened to it or name it as related, newest first.',
  operationId: 'listEntityEvents',
  tags,
  params: EntityParams,
  querystring: NarrowQuery,
  headers: AtLeast,
  response: { 200: EventPage }
}, async (request, reply) => {
  const filter = narrowFilter(request.query)
  const entity = await entityParty(services, tenantOf(callerOf(request)), request.params)
  return await sendEvents(services, request, reply, {
    page: async (tx, page) => await listTrail(tx, entity, filter, page),
    count: async (tx, cap) => await countTrail(tx, entity, filter, cap)
  })
})

/** What an entity was at a moment, as its events say. */
export const entityState = (services: Services): Endpoint => endpoint({
  summary: 'Read the state of an entity at a moment',
  description: 'Folded from before, after and changes. The answer stands for the moment that was ' +
    'asked for or is refused: 404 for a revision that is not there, 400 for a time to come, 503 ' +
    'while reads do not show everything until then. asOf names the last event it includes, ' +
    'setBy the one that set each value.',
  operationId: 'readEntityState',
  tags,
  params: EntityParams,
  querystring: StateQuery,
  headers: AtLeast,
  response: { 200: StateView }
}, async (request, reply) => {
  const { blame: _, ...shown } = await stateAt(services, { request, reply }, request)
  return { entity: request.params, ...shown }
})

/** Who last set each value of an entity, and in which event. */
export const blameEntity = (services: Services): Endpoint => endpoint({
  summary: 'Tell who set each value of an entity',
  description: 'The state at a moment value by value, each with the event that set it last.',
  operationId: 'blameEntity',
  tags,
  params: EntityParams,
  querystring: StateQuery,
  headers: AtLeast,
  response: { 200: BlameView }
}, async (request, reply) => {
  const { exists, blame, asOf, events, hidden, removed } =
    await stateAt(services, { request, reply }, request)
  const fields = blame.map(({ path, value, event }) => {
    const { id, action, actor, source, revision, position, occurredAt, recordedAt } = event
    return {
      path, value, id, action, actor, source, revision, position, occurredAt, recordedAt
    }
  })
  return { entity: request.params, exists, fields, asOf, events, hidden, removed }
})

/** What changed between two moments. */
export const diffEntity = (services: Services): Endpoint => endpoint({
  summary: 'Compare two states of an entity',
  description: 'What differs between the states at two moments; lists are compared by index.',
  operationId: 'diffEntity',
  tags,
  params: EntityParams,
  querystring: DiffQuery,
  headers: AtLeast,
  response: { 200: DiffView }
}, async (request, reply) => {
  const { from, to, axis } = request.query
  const moments = [
    parseMoment({ name: 'from', text: from, axis }, services.now()),
    parseMoment({ name: 'to', text: to, axis }, services.now())
  ]
  const entity = await entityParty(services, tenantOf(callerOf(request)), request.params)
  const [one, other] = await statesAt(services, { request, reply }, entity, moments)
  if (one === undefined || other === undefined) {
    throw new LedgerError('INTERNAL', 'a state is missing')
  }
  return {
    entity: request.params,
    from: one.asOf,
    to: other.asOf,
    changes: diff(one.exists ? one.state : undefined, other.exists ? other.state : undefined),
    hidden: other.hidden,
    removed: other.removed
  }
})

/** The state of the entity of a path at the moment of its query, if it gives one. */
async function stateAt (
  services: Services, exchange: Parameters<typeof statesAt>[1],
  { params, query: { at: text, axis } }: {
    params: Static<typeof EntityParams>, query: Static<typeof StateQuery>
  }
): Promise<StateAt> {
  const moment = parseMoment({ name: 'at', text, axis }, services.now())
  const tenant = tenantOf(callerOf(exchange.request))
  const entity = await entityParty(services, tenant, params)
  const [state] = await statesAt(services, exchange, entity, [moment])
  if (state === undefined) throw new LedgerError('INTERNAL', 'no state of one moment')
  return state
}

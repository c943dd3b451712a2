import { NoQuery } from '../../../schemas/http/events.ts'
import { ProjectionList } from '../../../schemas/http/projections.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import type { Services } from '../services.ts'
import { readState } from '../state.ts'

/** Read models, how far behind the log they are, and what they could not take. */
export const listProjections = ({ pool, log }: Services): Endpoint => endpoint({
  summary: 'List projections',
  description: 'Every read model with its lag; a generation that is being rebuilt is listed too.',
  operationId: 'listProjections',
  tags: ['operation'],
  querystring: NoQuery,
  response: { 200: ProjectionList }
}, async () => {
  const { projections, head, parked, worker } = await readState(pool, log)
  return { items: projections, head: head === undefined ? null : String(head), parked, worker }
})

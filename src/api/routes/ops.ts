import { Type } from '@sinclair/typebox'
import { Live, Readiness } from '../../../schemas/http/ops.ts'
import { ERRORS, LedgerError, type ErrorCode } from '../../errors.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { problemType } from '../problems.ts'
import { checkReadiness } from '../readiness.ts'
import type { Services } from '../services.ts'

const tags = ['operation']

/** Whether the process runs; asks nothing else. */
export const liveness = (_services: Services): Endpoint => endpoint({
  summary: 'Is the process alive',
  operationId: 'live',
  tags,
  response: { 200: Live }
}, async () => ({ status: 'ok' as const }))

/** Whether requests can be served; 503 says what is missing. */
export const readiness = (services: Services): Endpoint => endpoint({
  summary: 'Can requests be served',
  description: 'Answers within seconds, whatever is wrong. 503 when appends or reads fail.',
  operationId: 'ready',
  tags,
  response: { 200: Readiness, 503: Readiness }
}, async (_request, reply) => {
  const ready = await checkReadiness(services)
  return await reply.code(ready.status === 'failed' ? 503 : 200).send(ready)
})

/** What is counted, for Prometheus. */
export const metrics = (services: Services): Endpoint => endpoint({
  summary: 'Metrics',
  description: 'Prometheus text. Labels are routes and outcomes, never tenants or persons.',
  operationId: 'metrics',
  tags,
  response: { 200: Type.String() }
}, async (_request, reply) => {
  await checkReadiness(services)
  const { registry } = services.metrics
  return await reply.type(registry.contentType).send(await registry.metrics())
})

/** This API, described. */
export const openapi = (_services: Services): Endpoint => (scope, { method, url }) => {
  scope.route({ method, url, schema: { hide: true }, handler: async () => scope.swagger() })
}

const CODES = new Map(Object.keys(ERRORS).map((code) => {
  return [problemType(code as ErrorCode), code as ErrorCode] as const
}))

/** What a problem's `type` points at. */
export const problemPage = (_services: Services): Endpoint => endpoint({
  summary: 'Explain a type of problem',
  operationId: 'explainProblem',
  tags,
  params: Type.Object({ code: Type.String() }),
  response: {
    200: Type.Object({ type: Type.String(), title: Type.String(), status: Type.Integer() })
  }
}, async (request) => {
  const type = `/problems/${request.params.code}`
  const code = CODES.get(type)
  if (code === undefined) throw new LedgerError('NOT_FOUND', 'There is no such type of problem')
  const { title, status } = ERRORS[code]
  return { type, title, status }
})

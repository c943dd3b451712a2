import { TypeCompiler } from '@sinclair/typebox/compiler'
import fastify, { type FastifyRequest } from 'fastify'
import { CATEGORIES, EVENT_SCHEMAS, type EventInput } from '../../../schemas/events/index.ts'
import { BATCH_MAX_BYTES } from '../../../schemas/primitives.ts'

/** One page of a list: which rows, and after which one. */
export interface PageQuery {
  readonly tenant: string
  readonly limit: number
  readonly cursor: string | undefined
}

/** What a baseline does with events, behind the same door as the others. */
export interface Store {
  /** Resolves when the events are as durable as this baseline makes them. */
  append (tenant: string, events: readonly EventInput[]): Promise<void>
  list? (query: PageQuery): Promise<unknown>
  feed? (query: PageQuery, user: string): Promise<unknown>
  trail? (query: PageQuery, type: string, id: string): Promise<unknown>
}

const checks = new Map<unknown, { Check: (value: unknown) => boolean }>(
  CATEGORIES.map((category) => [category, TypeCompiler.Compile(EVENT_SCHEMAS[category])])
)

function isEvent (value: unknown): value is EventInput {
  const category = typeof value === 'object' && value !== null
    ? Reflect.get(value, 'category')
    : undefined
  return checks.get(category)?.Check(value) === true
}

/**
 * Serves the store like any small audit service would: JSON in, checked against the same schemas
 * with the same compiled checker as the ledger's, receipts out. No credentials: the tenant is a
 * header, which spares the baselines the key check. Says to the parent on which port it listens.
 */
export async function serveBaseline (store: Store): Promise<void> {
  const app = fastify({ bodyLimit: BATCH_MAX_BYTES })
  app.post('/v1/events', async (request, reply) => {
    const { body } = request
    const events: unknown[] = Array.isArray(body) ? body : [body]
    if (!events.every(isEvent)) return await reply.code(400).send({ detail: 'not an event' })
    await store.append(tenantOf(request), events)
    const recordedAt = new Date().toISOString()
    const receipts = events.map(({ id }) => ({ id, recordedAt }))
    return await reply.code(201).send(Array.isArray(body) ? { items: receipts } : receipts[0])
  })
  const { list, feed, trail } = store
  if (list !== undefined) app.get('/v1/events', async (request) => await list(pageOf(request)))
  if (feed !== undefined) {
    app.get<{ Params: { user: string } }>('/v1/users/:user/events', async (request) => {
      return await feed(pageOf(request), request.params.user)
    })
  }
  if (trail !== undefined) {
    app.get<{ Params: { type: string, id: string } }>('/v1/entities/:type/:id/events',
      async (request) => {
        return await trail(pageOf(request), request.params.type, request.params.id)
      })
  }
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  process.once('disconnect', () => { process.exit(0) })
  process.on('SIGINT', () => {})
  process.send?.({ type: 'ready', port: Number(new URL(address).port) })
}

function tenantOf (request: FastifyRequest): string {
  return String(request.headers['x-tenant'])
}

function pageOf (request: FastifyRequest): PageQuery {
  const { limit, cursor } = request.query as { limit?: string, cursor?: string }
  return { tenant: tenantOf(request), limit: Number(limit ?? 50), cursor }
}

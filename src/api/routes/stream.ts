import { Readable } from 'node:stream'
import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import type { EventFilter } from '../../../projections/entries/queries.ts'
import { StreamEventsQuery, StreamHeaders } from '../../../schemas/http/stream.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf, requireRole, tenantOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { eventFilter } from '../filters.ts'
import { follow } from '../follow.ts'
import { accessOf } from '../present.ts'
import { toLedgerError } from '../problems.ts'
import type { Services } from '../services.ts'
import { createTurns } from '../turns.ts'

/** Streams that one process serves at once. */
export const STREAMS_MAX = 1_000
/** Streams that are read for at once; the others wait their turn. */
const READING_MAX = 4
/** Bytes that lie ready for a reader before more is read for it. */
const READY_BYTES = 16 * 1_024

/** Events as they become readable. */
export const streamEvents = (services: Services): Endpoint => (scope, at) => {
  const stopping = new AbortController()
  const turn = createTurns(READING_MAX)
  let streams = 0
  scope.addHook('preClose', async () => { stopping.abort() })

  endpoint({
    summary: 'Follow events',
    description: 'text/event-stream: every event that passes the filter as soon as reads show ' +
      'it, in the order of the log. The id of each is its position: with Last-Event-ID a reader ' +
      'goes on without gap or repetition. Without, it begins with what comes next.',
    operationId: 'streamEvents',
    tags: ['read'],
    querystring: StreamEventsQuery,
    headers: StreamHeaders,
    response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } }
  }, async (request, reply) => {
    if (streams >= STREAMS_MAX) {
      throw new LedgerError('OVERLOADED', `${STREAMS_MAX} streams are open`, { retryAfterS: 5 })
    }
    const { after = request.headers['last-event-id'], seconds, ...query } = request.query
    const caller = callerOf(request)
    const tenant = tenantOf(caller)
    const filter = async (): Promise<EventFilter> =>
      await eventFilter(services.vault, tenant, query)
    await filter()
    const gone = new AbortController()
    const events = follow(services, {
      reader: { tenant, access: accessOf(caller) },
      filter,
      after: after === undefined ? undefined : BigInt(after),
      signal: AbortSignal.any([gone.signal, stopping.signal]),
      turn,
      until: seconds === undefined ? undefined : services.now() + seconds * 1_000,
      requireAccess: async () => {
        const now = await services.auth.authenticate(request.headers.authorization)
        requireRole(now, at.roles ?? [])
      },
      record: async (rows) => { await services.reads.record(request, { times: 0, rows }) }
    })
    streams++
    reply.raw.once('close', () => {
      streams--
      gone.abort()
    })
    const body = Readable.from(guarded(events, (err) => {
      request.log.warn({ err: toLedgerError(err) }, 'a stream broke off')
    }), { objectMode: false, highWaterMark: READY_BYTES })
    // Kept alive, the connection of a stream that ended would hold up a server that stops.
    reply.type('text/event-stream').headers({ connection: 'close', 'x-accel-buffering': 'no' })
    return await sendStream(reply, body)
  })(scope, at)
}

/** The answer's schema is a text's, for the document; what is sent is a stream of it. */
async function sendStream (reply: FastifyReply, body: Readable): Promise<FastifyReply> {
  return await reply.send(body)
}

/** The reader comes back by itself when a stream ends, so failures end it and are logged. */
async function * guarded (
  events: AsyncIterable<string>, failed: (err: unknown) => void
): AsyncGenerator<string> {
  try {
    yield * events
  } catch (err) {
    failed(err)
  }
}

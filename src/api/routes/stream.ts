import { Readable } from 'node:stream'
import websocket from '@fastify/websocket'
import { Type, type Static } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { StreamEventsQuery, StreamHeaders } from '../../../schemas/http/stream.ts'
import { isLedgerError, type LedgerError } from '../../errors.ts'
import { callerOf, requireRole, tenantOf } from '../auth.ts'
import type { App, At, Endpoint } from '../endpoint.ts'
import { eventFilter } from '../filters.ts'
import { createReadOn, follow, type Piece } from '../follow.ts'
import { accessOf } from '../present.ts'
import { toLedgerError } from '../problems.ts'
import { asEventStream, sendMessages } from '../send-live.ts'
import type { Services } from '../services.ts'
import { createPlaces } from '../stream-places.ts'
import { createTurns } from '../turns.ts'
import { webSocketUpgrades } from '../upgrades.ts'

/** Streams that one process serves at once, and how many of them to one key. */
export const STREAMS_MAX = 1_000
export const STREAMS_PER_KEY_MAX = 100
/** Streams that are read for at once; the others wait their turn. */
const READING_MAX = 4
/** Bytes that lie ready for a reader before more is read for it. */
const READY_BYTES = 16 * 1_024
/** Of a message from a reader: none is expected. */
const MESSAGE_MAX_BYTES = 1_024
/** Why a socket is closed (RFC 6455 section 7.4.1). */
const CLOSE = { done: 1000, forbidden: 1008, failed: 1011 } as const

const SCHEMA = {
  summary: 'Follow events',
  description: 'text/event-stream: every event that passes the filter as soon as reads show ' +
    'it, in the order of the log. The id of each is its position: with Last-Event-ID a reader ' +
    'goes on without gap or repetition. Without, it begins with what comes next. Asked for with ' +
    'Upgrade: websocket it is the same in messages, {"after", "event"} each, where after goes ' +
    'on as the query\'s after; {"after"} alone and a ping are signs of life. A reader that ' +
    'takes nothing for half a minute is cut off and may come back.',
  operationId: 'streamEvents',
  tags: ['read'],
  querystring: StreamEventsQuery,
  headers: StreamHeaders,
  response: { 200: { content: { 'text/event-stream': { schema: Type.String() } } } }
}

interface StreamRequest {
  Querystring: Static<typeof StreamEventsQuery>
}

/** Events as they become readable: as text/event-stream, or over a WebSocket. */
export const streamEvents = (services: Services): Endpoint => (scope, at) => {
  const streams = createStreams(services, at)
  scope.addHook('preClose', async () => { streams.endAll() })
  scope.register(async (inner: App) => {
    await inner.register(websocket, {
      options: {
        server: webSocketUpgrades(scope.server, at.url),
        maxPayload: MESSAGE_MAX_BYTES,
        perMessageDeflate: false
      }
    })
    // Node has let go of a connection that asked for an upgrade: one that was refused stays open.
    inner.addHook('onResponse', async ({ raw, headers }) => {
      if (headers.upgrade !== undefined) raw.socket.destroySoon()
    })
    inner.route<StreamRequest>({
      method: 'GET',
      url: at.url,
      schema: SCHEMA,
      config: { roles: at.roles ?? [] },
      // Whatever is refused is refused here, before a connection becomes a WebSocket.
      preHandler: async (request, reply) => {
        await streams.takePlace(request, reply)
        // Of any other answer it is recorded as it is sent.
        if (request.ws) await services.reads.record(request, { times: 1, rows: 0 })
      },
      async handler (request, reply) {
        const blocks = asEventStream(streams.open(request), () => { reply.raw.destroy() })
        const body = Readable.from(blocks, { objectMode: false, highWaterMark: READY_BYTES })
        // Kept alive, the connection of a stream that ended would hold up a server that stops.
        reply.type('text/event-stream').headers({ connection: 'close', 'x-accel-buffering': 'no' })
        return await sendStream(reply, body)
      },
      async wsHandler (socket, request) {
        let code: number = CLOSE.done
        await sendMessages(socket, streams.open(request, (err) => { code = closeCode(err) }))
        socket.close(code)
      }
    })
  })
}

/** The answer's schema is a text's, for the document; what is sent is a stream of it. */
async function sendStream (reply: FastifyReply, body: Readable): Promise<FastifyReply> {
  return await reply.send(body)
}

function closeCode (err: LedgerError): number {
  const refused = isLedgerError(err, 'UNAUTHENTICATED') || isLedgerError(err, 'FORBIDDEN')
  return refused ? CLOSE.forbidden : CLOSE.failed
}

type Asked = FastifyRequest<StreamRequest>

/** The streams of one process, counted and ended together. */
function createStreams (services: Services, at: At) {
  const places = createPlaces({ max: STREAMS_MAX, perKey: STREAMS_PER_KEY_MAX })
  const taken = new WeakMap<Asked, AbortController>()
  const readOn = createReadOn(services, createTurns(READING_MAX))
  return {
    /** Throws for what would be no stream: a filter that makes no sense, or one too many. */
    async takePlace (request: Asked, reply: FastifyReply): Promise<void> {
      await filterOf(services, request)
      const place = places.take(callerOf(request).keyId)
      taken.set(request, place)
      // Of a WebSocket, this closes with its connection.
      reply.raw.once('close', () => { place.abort() })
    },
    /** What the request follows until it goes away: it has taken a place. */
    open (
      request: Asked, failed: (err: LedgerError) => void = () => {}
    ): AsyncGenerator<Piece> {
      const { after = request.headers['last-event-id'], seconds, ...query } = request.query
      const caller = callerOf(request)
      const place = taken.get(request) ?? places.take(caller.keyId)
      return guarded(follow(services, readOn, {
        reader: { tenant: tenantOf(caller), access: accessOf(caller) },
        filter: async () => await filterOf(services, request),
        query,
        after: typeof after === 'string' ? BigInt(after) : undefined,
        signal: place.signal,
        until: seconds === undefined ? undefined : services.now() + seconds * 1_000,
        requireAccess: async () => {
          requireRole(await services.auth.authenticate(request.headers.authorization),
            at.roles ?? [])
        },
        record: async (rows) => { await services.reads.record(request, { times: 0, rows }) }
      }), (err) => {
        request.log.warn({ err }, 'a stream broke off')
        failed(err)
      }, () => { place.abort() })
    },
    endAll: places.endAll
  }
}

async function filterOf ({ vault }: Services, request: Asked) {
  const { after: _after, seconds: _seconds, ...query } = request.query
  return await eventFilter(vault, tenantOf(callerOf(request)), query)
}

/** The reader comes back by itself when a stream ends, so failures end it and are logged. */
async function * guarded (
  pieces: AsyncIterable<Piece>, failed: (err: LedgerError) => void, close: () => void
): AsyncGenerator<Piece> {
  try {
    yield * pieces
  } catch (err) {
    failed(toLedgerError(err))
  } finally {
    close()
  }
}

import type { FastifyRequest } from 'fastify'
import {
  ReplayLine, ReplayQuery, StreamParams, StreamQuery
} from '../../../schemas/http/replay.ts'
import type { Recorded } from '../../../schemas/recorded.ts'
import { LedgerError } from '../../errors.ts'
import type { LogPosition } from '../../ledger/log.ts'
import {
  lastRevision, replayAll as replayTenant, replayStream as replayOne
} from '../../ledger/read.ts'
import { parseStream } from '../../ledger/streams.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { NDJSON_TYPE } from '../bodies.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { sendLines } from '../ndjson.ts'
import { placeAt } from '../place.ts'
import { problemOf, toLedgerError } from '../problems.ts'
import { POSITION_HEADER } from '../reading.ts'
import { COUNTED_TOGETHER, countingOn } from '../recorded-reads.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'

const tags = ['replay']
const response = { 200: { content: { [NDJSON_TYPE]: { schema: ReplayLine } } } }

/** One stream from the log itself. */
export const replayStream = (services: Services): Endpoint => endpoint({
  summary: 'Replay a stream from the log',
  description: 'NDJSON in the order of revisions, up to the end of the stream at the start. The ' +
    'last line says whether everything was sent, and how to go on if not.',
  operationId: 'replayStream',
  tags,
  params: StreamParams,
  querystring: StreamQuery,
  response
}, async (request, reply) => {
  const { stream } = request.params
  const { log } = services
  const tenant = tenantOf(callerOf(request))
  if (parseStream(stream)?.tenant !== tenant) throw noStream()
  services.longRead(tenant, reply)
  const last = await lastRevision(log, stream)
  if (last < 0n) throw noStream()
  const from = BigInt(request.query.from ?? 0)
  const until = least(last, request.query.until)
  const events = replayOne(log, stream, { from, until })
  return await sendLines(reply, lines(services, request, events, {
    query: (event) => `from=${event.revision + 1n}&until=${until}`
  }))
})

/** Everything of the tenant from the log itself. */
export const replayAll = (services: Services): Endpoint => endpoint({
  summary: 'Replay everything from the log',
  description: 'All events of the tenant as NDJSON in the order of the log, up to its head at ' +
    'the start. The last line says whether everything was sent, and how to go on if not.',
  operationId: 'replayAll',
  tags,
  querystring: ReplayQuery,
  response
}, async (request, reply) => {
  const { log } = services
  const tenant = tenantOf(callerOf(request))
  services.longRead(tenant, reply)
  const { after: given } = request.query
  const after = given === undefined ? undefined : await placeOf(services, tenant, given)
  const head = await log.head()
  if (head === undefined) {
    return await sendLines(reply, lines(services, request, nothing(), NOWHERE))
  }
  const bound = least(head.commit, request.query.until)
  reply.header(POSITION_HEADER, String(bound))
  const until = { commit: bound, prepare: bound }
  const events = replayTenant(log, tenant, { after, until })
  return await sendLines(reply, lines(services, request, events, {
    query: (event) => `after=${event.position}&until=${bound}`
  }))
})

/** How a query goes on after an event. */
interface Resume {
  query: (event: Recorded) => string
}

const NOWHERE: Resume = { query: () => '' }

async function * nothing (): AsyncGenerator<Recorded> {}

/** The events as lines, and one more about them all: a status cannot be taken back any more. */
async function * lines (
  { reads }: Services, request: FastifyRequest, events: AsyncIterable<Recorded>, resume: Resume
): AsyncGenerator<string> {
  const countUpTo = countingOn(reads, request)
  let count = 0
  let last: Recorded | undefined
  try {
    for await (const event of events) {
      yield lineOf(event)
      count++
      last = event
      if (count % COUNTED_TOGETHER === 0) await countUpTo(count)
    }
    await countUpTo(count)
    yield JSON.stringify({ end: true, complete: true, events: count })
  } catch (err) {
    const error = toLedgerError(err)
    request.log.error({ err: error }, 'a replay broke off')
    yield JSON.stringify({
      end: true,
      complete: false,
      events: count,
      ...(last === undefined ? {} : { resume: resume.query(last) }),
      problem: problemOf(error, request.id)
    })
  } finally {
    // A reader that went away has read as well.
    await countUpTo(count)
  }
}

function lineOf (event: Recorded): string {
  const { id, stream, revision, position, type, metadata } = event
  const rest = metadata === undefined ? '' : `,"metadata":${JSON.stringify(metadata)}`
  return `{"id":"${id}","stream":${JSON.stringify(stream)},"revision":"${revision}",` +
    `"position":"${position}","type":${JSON.stringify(type)},"data":${dataOf(event)}${rest}}`
}

/** As the log holds it, if that is JSON in one line. */
function dataOf ({ data, json }: Recorded): string {
  const isLine = json !== undefined && data !== json && !json.includes('\n')
  return isLine ? json : JSON.stringify(data)
}

/** Where a replay goes on. */
async function placeOf (
  { pool }: Services, tenant: string, position: string
): Promise<LogPosition> {
  const place = await placeAt(pool, tenant, BigInt(position))
  if (place !== undefined) return place
  throw refusal([{ pointer: 'after', detail: 'is not the position of an event that reads show' }])
}

function least (end: bigint, until: string | undefined): bigint {
  return until !== undefined && BigInt(until) < end ? BigInt(until) : end
}

function noStream (): LedgerError {
  return new LedgerError('NOT_FOUND', 'There is no such stream')
}

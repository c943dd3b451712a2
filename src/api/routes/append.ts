import { Type, type TSchema } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify'
import { CloudEvent } from '../../../schemas/cloud-event.ts'
import { EventInput } from '../../../schemas/events/index.ts'
import {
  AppendHeaders, BatchResult, NoQuery, Receipt, type ItemResult
} from '../../../schemas/http/events.ts'
import type { InclusionProof } from '../../../schemas/http/proofs.ts'
import { BATCH_MAX_EVENTS } from '../../../schemas/primitives.ts'
import { ERRORS, LedgerError } from '../../errors.ts'
import type { AppendResult, Receipt as LedgerReceipt } from '../../ledger/receipt.ts'
import { callerOf, tenantOf } from '../auth.ts'
import {
  CLOUD_EVENT_TYPE, CLOUD_EVENTS_TYPE, JSON_TYPE, mediaTypeOf, NDJSON_TYPE, takeBytes
} from '../bodies.ts'
import type { Endpoint } from '../endpoint.ts'
import { takeEvents, type Taken } from '../intake.ts'
import { preferredWaitS, prefersProof } from '../prefer.ts'
import { problemOf } from '../problems.ts'
import { waitForProofs } from '../proofs.ts'
import { POSITION_HEADER } from '../reading.ts'
import type { Services } from '../services.ts'
import { refuseOrTake } from '../validator.ts'
import { applyVocabulary } from '../vocabulary.ts'

const EXAMPLE = {
  action: 'order.updated',
  category: 'change',
  actor: { type: 'service', id: 'checkout' },
  entity: { type: 'order', id: '456' },
  outcome: 'success',
  before: { status: 'pending' },
  after: { status: 'paid' }
}

const SCHEMA = {
  summary: 'Append events',
  description: `One event, an array, or NDJSON: up to ${BATCH_MAX_EVENTS}. One event is answered ` +
    'by its receipt: 201, or 200 if it was recorded before. Several are answered one by one, in ' +
    'order: 201 if all are recorded, else 207; what is refused does not touch the others. ' +
    'CloudEvents 1.0, one or a batch, carry an event as their data: type is its action, time its ' +
    'occurredAt, and all attributes are kept in its data.cloudEvent.',
  operationId: 'appendEvents',
  tags: ['ingest'],
  querystring: NoQuery,
  headers: AppendHeaders,
  body: {
    content: {
      [JSON_TYPE]: {
        schema: {
          anyOf: [EventInput, { type: 'array', items: EventInput }],
          examples: [EXAMPLE, [EXAMPLE, EXAMPLE]]
        }
      },
      [NDJSON_TYPE]: { schema: EventInput },
      [CLOUD_EVENT_TYPE]: { schema: CloudEvent },
      [CLOUD_EVENTS_TYPE]: { schema: Type.Array(CloudEvent) }
    }
  },
  response: { 200: Receipt, 201: Type.Union([Receipt, BatchResult]), 207: BatchResult }
}

/** The door checks each event by itself; the schema of the body is for the document. */
const checkHeadOnly: FastifySchemaCompiler<TSchema> = (part) => {
  return part.httpPart === 'body' ? () => true : refuseOrTake(part)
}

/** Appends what a producer sends, as the source named like its key. */
export const appendEvents = (services: Services): Endpoint => (scope, at) => {
  const { method, url, roles = [] } = at
  scope.register(async (inner) => {
    takeBytes(inner)
    inner.setValidatorCompiler(checkHeadOnly)
    inner.route({
      method,
      url,
      schema: SCHEMA,
      config: { roles },
      handler: async (request, reply) => await append(services, request, reply)
    })
  })
}

async function append (
  services: Services, request: FastifyRequest, reply: FastifyReply
): Promise<FastifyReply> {
  const caller = callerOf(request)
  const owner = { tenant: tenantOf(caller), source: caller.name }
  const { many, items: taken } = takeEvents(bodyOf(request), mediaTypeOf(request), {
    idempotencyKey: headerOf(request, 'idempotency-key'), owner
  })
  await services.requireSoundLog()
  const [settings, known] = await Promise.all([
    services.settings.get(owner.tenant), services.vocabulary.get(owner.tenant)
  ])
  const words = { known, mode: settings.schemas }
  const items = taken.map((item) => applyVocabulary(words, item))
  const accepted = items.filter((item) => item.ok)
  const recorded = accepted.length === 0
    ? []
    : await services.ledger.record({ ...owner, settings }, accepted.map(({ event }) => event))
  const results = inOrder(items, recorded)
  count(services, results)
  const waited = await waitFor(services, { request, reply, tenant: owner.tenant }, results)
  return many
    ? await answerMany(request, reply, results, waited)
    : await answerOne(reply, results, waited)
}

/** Refusals at the door and results of the ledger, in the order of the request. */
function inOrder (items: readonly Taken[], recorded: readonly AppendResult[]): AppendResult[] {
  let next = 0
  return items.map((item) => {
    if (!item.ok) return item
    const result = recorded[next++]
    return result ?? { ok: false, error: new LedgerError('INTERNAL', 'an event without a result') }
  })
}

/** What came of waiting, if the request asks for that. */
interface Waited {
  /** Whether reads show all of them. */
  projected?: boolean
  /** By id; all or none. */
  proofs?: ReadonlyMap<string, InclusionProof>
}

async function waitFor (
  services: Services,
  { request, reply, tenant }: { request: FastifyRequest, reply: FastifyReply, tenant: string },
  results: readonly AppendResult[]
): Promise<Waited> {
  const positions = results.flatMap((result) => result.ok ? [result.receipt.position] : [])
  if (positions.length === 0) return {}
  const last = positions.reduce((most, position) => position > most ? position : most)
  reply.header(POSITION_HEADER, String(last))
  const prefer = headerOf(request, 'prefer')
  const seconds = preferredWaitS(prefer)
  if (seconds === undefined) return {}
  const start = performance.now()
  const projected = await services.progress.reached(last, seconds * 1_000)
  if (!prefersProof(prefer)) {
    reply.header('preference-applied', `wait=${seconds}`)
    return { projected }
  }
  reply.header('preference-applied', `wait=${seconds}; until=proven`)
  if (!projected) return { projected }
  const ids = results.flatMap((result) => result.ok ? [result.receipt.id] : [])
  const leftMs = seconds * 1_000 - (performance.now() - start)
  return { projected, proofs: await waitForProofs(services.pool, tenant, ids, leftMs) }
}

/** The answer to one event that was to be recorded; throws what refused it. */
export async function answerAppended (
  services: Services, request: FastifyRequest, reply: FastifyReply,
  result: AppendResult | undefined
): Promise<FastifyReply> {
  const results = result === undefined ? [] : [result]
  count(services, results)
  const tenant = tenantOf(callerOf(request))
  const waited = await waitFor(services, { request, reply, tenant }, results)
  return await answerOne(reply, results, waited)
}

async function answerOne (
  reply: FastifyReply, [result]: readonly AppendResult[], waited: Waited
): Promise<FastifyReply> {
  if (result === undefined) throw new LedgerError('INTERNAL', 'no result of an event')
  if (!result.ok) throw result.error
  return await reply.code(statusOf(result)).send(receiptOf(result.receipt, waited))
}

async function answerMany (
  request: FastifyRequest, reply: FastifyReply,
  results: readonly AppendResult[], waited: Waited
): Promise<FastifyReply> {
  const outage = commonOutage(results)
  if (outage !== undefined) throw outage
  const items = results.map((result): ItemResult => result.ok
    ? { status: statusOf(result), receipt: receiptOf(result.receipt, waited) }
    : { status: statusOf(result), problem: problemOf(result.error, request.id) })
  return await reply.code(results.every(({ ok }) => ok) ? 201 : 207).send({ items })
}

/** Nothing was recorded and it is our fault: the request as a whole is to be repeated. */
function commonOutage (results: readonly AppendResult[]): LedgerError | undefined {
  const [first] = results
  const all = results.every((result) => !result.ok && ERRORS[result.error.code].status >= 500)
  return all && first?.ok === false ? first.error : undefined
}

function statusOf (result: AppendResult): number {
  if (!result.ok) return ERRORS[result.error.code].status
  return result.receipt.duplicate ? 200 : 201
}

function receiptOf (receipt: LedgerReceipt, { projected, proofs }: Waited): Receipt {
  const proof = proofs?.get(receipt.id)
  return {
    id: receipt.id,
    stream: receipt.stream,
    revision: String(receipt.revision),
    position: String(receipt.position),
    recordedAt: receipt.recordedAt,
    leafHash: receipt.leafHash.toString('hex'),
    duplicate: receipt.duplicate,
    ...(projected === undefined ? {} : { projected }),
    ...(proof === undefined ? {} : { proof })
  }
}

function count ({ metrics }: Services, results: readonly AppendResult[]): void {
  for (const result of results) {
    metrics.appendedEvents.inc({
      result: !result.ok ? 'refused' : result.receipt.duplicate ? 'duplicate' : 'recorded'
    })
  }
}

function bodyOf ({ body }: FastifyRequest): Buffer {
  if (Buffer.isBuffer(body)) return body
  throw new LedgerError('INVALID_REQUEST', 'The body holds no event')
}

function headerOf (request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

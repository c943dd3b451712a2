import { Type } from '@sinclair/typebox'
import { withCosignatures } from '../../../projections/cosignatures/queries.ts'
import {
  headOfSize, lastHead, leavesOfEvents, listHeads, nodeReader, type SignedHead
} from '../../../projections/merkle/queries.ts'
import { EventParams, NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import {
  CheckpointPage, CheckpointsQuery, ConsistencyProof, ConsistencyQuery, CurrentCheckpoint,
  EventProof, type CheckpointView
} from '../../../schemas/http/proofs.ts'
import { LedgerError } from '../../errors.ts'
import { planConsistency, proofFrom } from '../../proof/merkle-proof.ts'
import { formatTlogProof } from '../../proof/tlog-proof.ts'
import { wants } from '../accept.ts'
import { sealCursor } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { readLeaf } from '../leaf.ts'
import { pageRequest, sendPage } from '../pages.ts'
import { originOf, policyOfLog, proofView, proveLeaves, requireHead, sizeWith } from '../proofs.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'

const tags = ['integrity']
const TEXT = 'text/plain; charset=utf-8'
const text = { content: { 'text/plain': { schema: Type.String() } } }

/** That an event is in the signed tree. */
export const eventProof = (services: Services): Endpoint => endpoint({
  summary: 'Prove that an event is in the ledger',
  description: 'Its place in the tenant\'s Merkle tree (RFC 9162), proven in the last signed ' +
    'checkpoint. With Accept: text/plain a C2SP tlog-proof that carries the leaf data and ' +
    'can be verified alone. 503 until a checkpoint includes the event, which takes a second.',
  operationId: 'proveEvent',
  tags,
  params: EventParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: {
    200: {
      content: { 'application/json': { schema: EventProof }, ...text.content }
    }
  }
}, async (request, reply) => {
  const { id } = request.params
  const { head, leaf, proof } = await readTenant(services, request, reply, async (tx) => {
    const [leaf] = await leavesOfEvents(tx, [id])
    if (leaf === undefined) {
      throw new LedgerError('NOT_FOUND', 'There is no such event, or reads do not show it yet')
    }
    const head = await requireHead(tx, sizeWith([leaf]))
    const [proof = []] = await proveLeaves(tx, head, [leaf])
    return { head, leaf, proof }
  })
  if (!wants(request, 'text/plain')) {
    const { stream, revision } = leaf
    return { id, stream, revision: String(revision), ...proofView(head, leaf, proof) }
  }
  const extra = Buffer.from(await readLeaf(services.log, leaf))
  const checkpoint = head.note
  return await reply.type(TEXT)
    .send(formatTlogProof({ index: leaf.index, proof, checkpoint, extra }))
})

/** The last signed checkpoint. */
export const checkpoint = (services: Services): Endpoint => endpoint({
  summary: 'Read the last signed checkpoint',
  description: 'C2SP tlog-checkpoint: a signed note; the last that witnesses have cosigned, ' +
    'unless they are a minute behind. With Accept: application/json it comes with ' +
    'the policy that says which key signs for which sizes.',
  operationId: 'readCheckpoint',
  tags,
  querystring: NoQuery,
  headers: AtLeast,
  response: {
    200: { content: { ...text.content, 'application/json': { schema: CurrentCheckpoint } } }
  }
}, async (request, reply) => {
  const { head, policy } = await readTenant(services, request, reply, async (tx) => {
    const head = await requireHead(tx)
    return { head, policy: await policyOfLog(tx, originOf(head)) }
  })
  reply.header('cache-control', 'private, no-cache')
  if (wants(request, 'application/json')) return { ...viewOf(head), policy }
  return await reply.type(TEXT).send(head.note)
})

/** All signed checkpoints. */
export const checkpoints = (services: Services): Endpoint => endpoint({
  summary: 'List signed checkpoints',
  description: 'Newest first.',
  operationId: 'listCheckpoints',
  tags,
  querystring: CheckpointsQuery,
  headers: AtLeast,
  response: { 200: CheckpointPage }
}, async (request, reply) => {
  const { limit, before, scope } = await pageRequest(services, request, request.query)
  const heads = await readTenant(services, request, reply, async (tx) =>
    await withCosignatures(tx, await listHeads(tx, { before, limit: limit + 1 })))
  const last = heads.length > limit ? heads[limit - 1] : undefined
  return await sendPage(request, reply, {
    items: heads.slice(0, limit).map((head) => JSON.stringify(viewOf(head))),
    nextCursor: last === undefined ? null : sealCursor(scope, String(last.position))
  })
})

/** That the tree only grew. */
export const consistency = (services: Services): Endpoint => endpoint({
  summary: 'Prove that the ledger only grew',
  description: 'RFC 9162 section 2.1.4: that the tree of `to` leaves began as that of `from`.',
  operationId: 'proveConsistency',
  tags,
  querystring: ConsistencyQuery,
  headers: AtLeast,
  response: { 200: ConsistencyProof }
}, async (request, reply) => {
  return await readTenant(services, request, reply, async (tx) => {
    const { size } = await lastHead(tx) ?? { size: 0n }
    const from = BigInt(request.query.from)
    const to = request.query.to === undefined ? size : BigInt(request.query.to)
    if (to > size) throw refusal([{ pointer: 'to', detail: `is more than the ${size} signed` }])
    if (from > to) throw refusal([{ pointer: 'from', detail: `is more than ${to}` }])
    const plan = planConsistency(from, to)
    const read = await nodeReader(tx, plan.flat(), to)
    const heads = await Promise.all([headOfSize(tx, from), headOfSize(tx, to)])
    const cosigned = await withCosignatures(tx, heads.filter((head) => head !== undefined))
    const [older, newer] = [from, to].map((at) => cosigned.find((head) => head.size === at))
    return {
      from: String(from),
      to: String(to),
      proof: proofFrom(plan, read).map((node) => node.toString('base64')),
      older: older?.note ?? null,
      newer: newer?.note ?? null
    }
  })
})

function viewOf ({ size, root, recordedAt, position, note }: SignedHead): CheckpointView {
  return {
    size: String(size),
    root: root.toString('base64'),
    recordedAt,
    position: String(position),
    checkpoint: note
  }
}

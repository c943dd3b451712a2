import { Readable } from 'node:stream'
import {
  lastHead, leavesOfStream, nodeReader, sealedRevisions, type SignedHead
} from '../../../projections/merkle/queries.ts'
import type { Tx } from '../../../projections/projection.ts'
import { EntityParams } from '../../../schemas/http/entities.ts'
import { EntityProofQuery } from '../../../schemas/http/proofs.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { Type } from '@sinclair/typebox'
import { LedgerError } from '../../errors.ts'
import { replayStream } from '../../ledger/read.ts'
import { streamName } from '../../ledger/streams.ts'
import { inTenant } from '../../postgres/transaction.ts'
import { RUN_MAX } from '../../proof/bundle.ts'
import { writeBundle } from '../../proof/bundle-writer.ts'
import { leafData } from '../../proof/leaf.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { NDJSON_TYPE } from '../bodies.ts'
import { earlierHead, type EarlierHead } from '../earlier-head.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import type { AsTenant } from '../exports/bundle-leaves.ts'
import { refsIn, withShredded, type SealedLeaf } from '../exports/shredded.ts'
import { partyOf } from '../filters.ts'
import { sendBody } from '../pages.ts'
import { originOf, policyOfLog, requireHead } from '../proofs.ts'
import { openReading, readTenant } from '../reading.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'

/** A line; src/proof/README.md has the format. */
const BundleLine = Type.Object({}, { additionalProperties: true, title: 'BundleLine' })

/** The whole history of an entity, proven. */
export const entityProof = (services: Services): Endpoint => endpoint({
  summary: 'Prove the whole history of an entity',
  description: 'A bundle (NDJSON) of everything that happened to it up to the last signed ' +
    'checkpoint: revisions 0 to n, none missing, each proven. `audit-ledger verify` checks it ' +
    'offline, and `--against` an earlier checkpoint if `continues` names its size.',
  operationId: 'proveEntity',
  tags: ['integrity'],
  params: EntityParams,
  querystring: EntityProofQuery,
  headers: AtLeast,
  response: { 200: { content: { [NDJSON_TYPE]: { schema: BundleLine } } } }
}, async (request, reply) => {
  const tenant = tenantOf(callerOf(request))
  const { type, key } = await partyOf(services.vault, tenant, request.params)
  const stream = streamName({ tenant, type, key })
  const read = await readTenant(services, request, reply, async (tx) => {
    const head = await headOfStream(tx, stream)
    const [revisions, policy] = await Promise.all([
      sealedRevisions(tx, stream, head.size), policyOfLog(tx, originOf(head))
    ])
    const older = await olderOf(tx, head, request.query.continues)
    return { head, revisions, policy, older }
  })
  const { head, revisions, policy, older } = read
  if (revisions === 0n) {
    throw new LedgerError('NOT_FOUND', 'Nothing that happened to it is in a signed checkpoint')
  }
  request.eventsRead = Number(revisions)
  const asTenant = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
    await inTenant(services.pool, tenant, async (tx) => {
      await openReading(tx)
      return await work(tx)
    })
  const bundle = writeBundle({
    manifest: { origin: originOf(head), policy, scope: { type: 'stream', stream, revisions } },
    checkpoint: head.note,
    older,
    leaves: withShredded(leavesOf(services, asTenant, { stream, revisions }), {
      asTenant, upTo: head.position
    }),
    readNodes: async (nodes) => await asTenant(async (tx) =>
      nodes.map(await nodeReader(tx, nodes, head.size)))
  })
  return await sendBody(reply, NDJSON_TYPE, Readable.from(bundle, { objectMode: false }))
})

/** The earlier checkpoint of the size that is asked for. */
async function olderOf (
  tx: Tx, head: SignedHead, continues: string | undefined
): Promise<EarlierHead[]> {
  if (continues === undefined) return []
  const older = await earlierHead(tx, BigInt(continues), { head, upTo: head.position })
  if (older !== undefined) return [older]
  throw refusal([{ pointer: 'continues', detail: 'is the size of no earlier checkpoint' }])
}

/** A cosigned checkpoint if it has all of the stream that is signed, or else the last. */
async function headOfStream (tx: Tx, stream: string): Promise<SignedHead> {
  const cosigned = await requireHead(tx)
  const last = await lastHead(tx) ?? cosigned
  const [some, all] = await Promise.all([cosigned, last].map(async ({ size }) =>
    await sealedRevisions(tx, stream, size)))
  return some === all ? cosigned : await requireHead(tx, last.size)
}

/** Leaf data from the log, indexes from the rows, a few hundred at a time. */
async function * leavesOf (
  { log }: Services, asTenant: AsTenant,
  { stream, revisions }: { stream: string, revisions: bigint }
): AsyncGenerator<SealedLeaf> {
  for (let from = 0n; from < revisions; from += BigInt(RUN_MAX)) {
    const end = from + BigInt(RUN_MAX)
    const until = (end < revisions ? end : revisions) - 1n
    const rows = await asTenant(async (tx) =>
      await leavesOfStream(tx, stream, { from, limit: RUN_MAX }))
    const indexes = new Map(rows.map(({ revision, index }) => [revision, index]))
    for await (const event of replayStream(log, stream, { from, until })) {
      const index = indexes.get(event.revision)
      if (index === undefined) continue
      yield { index, leaf: leafData(event), refs: refsIn(event.data) }
    }
  }
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { listPositions, type EventFilter } from '../../../projections/entries/queries.ts'
import { countKept } from '../../../projections/exports/queries.ts'
import type { Tx } from '../../../projections/projection.ts'
import {
  EXPORTS_KEPT_MAX, type CreateExport
} from '../../../schemas/http/exports.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { readPosition } from '../consistency.ts'
import { readCurrent } from '../current.ts'
import { earlierHead } from '../earlier-head.ts'
import { eventFilter } from '../filters.ts'
import { requireHead } from '../proofs.ts'
import { servedHead } from '../served-head.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'
import { lastLeaf } from './bundle-content.ts'
import { recordedFilter, type ExportScope } from './scope.ts'

/** What an export is fixed to at its start. */
export interface Settled extends Pick<ExportScope, 'format' | 'upTo'> {
  filters: ReturnType<typeof recordedFilter>
  checkpoint: bigint | null
  continues: bigint | null
}

/**
 * Settles what a request for an export means now. Refuses one of which nothing would come, so
 * that whatever a filter names is in the log already: nothing personal is put on record by it.
 * Throws NOT_FOUND for that, WRONG_STATE when too many are kept, NOT_SEALED for a bundle before
 * the first checkpoint.
 */
export async function settle (
  services: Services, request: FastifyRequest, reply: FastifyReply, wish: CreateExport
): Promise<Settled> {
  const { format, upTo, continues, days, ...query } = wish
  if (continues !== undefined && format !== 'bundle') {
    throw refusal([{ pointer: '/continues', detail: 'is for bundles' }])
  }
  const tenant = tenantOf(callerOf(request))
  const filter = await eventFilter(services.vault, tenant, query)
  const now = new Date(services.now()).toISOString()
  return await readCurrent(services, request, reply, async (tx) => {
    const reflected = await readPosition(tx) ?? 0n
    const asked = upTo === undefined ? reflected : BigInt(upTo)
    if (asked > reflected) {
      throw refusal([{ pointer: '/upTo', detail: 'is beyond what reads show' }])
    }
    if (await countKept(tx, now) >= EXPORTS_KEPT_MAX) {
      throw new LedgerError('WRONG_STATE',
        `${EXPORTS_KEPT_MAX} exports are kept: delete one, or wait until one expires`)
    }
    const earlier = continues === undefined ? null : BigInt(continues)
    const bounds = format === 'bundle'
      ? await sealedBounds(tx, asked, earlier)
      : listBounds(asked)
    await requireAny(tx, filter, bounds.last)
    const { upTo: fixed, checkpoint } = bounds
    return {
      format, filters: recordedFilter(filter), upTo: fixed, checkpoint, continues: earlier
    }
  })
}

interface Bounds {
  upTo: bigint
  checkpoint: bigint | null
  /** The last position that an event of it can have. */
  last: bigint
}

function listBounds (upTo: bigint): Bounds {
  return { upTo, checkpoint: null, last: upTo }
}

/** A checkpoint decides what a bundle holds: it, and its cosignatures, stand up to a position. */
async function sealedBounds (
  tx: Tx, upTo: bigint, continues: bigint | null
): Promise<Bounds> {
  await requireHead(tx)
  const head = await servedHead(tx, { upTo })
  if (head === undefined) {
    throw refusal([{ pointer: '/upTo', detail: 'is before the first signed checkpoint' }])
  }
  const { position, cosignedAt = position, size: checkpoint } = head
  const fixed = cosignedAt > position ? cosignedAt : position
  if (continues !== null && await earlierHead(tx, continues, { head, upTo: fixed }) === undefined) {
    throw refusal([{ pointer: '/continues', detail: 'is the size of no earlier checkpoint' }])
  }
  return { upTo: fixed, checkpoint, last: await lastLeaf(tx, head) }
}

async function requireAny (tx: Tx, filter: EventFilter, last: bigint): Promise<void> {
  const selection = { filter: { ...filter, until: { position: last } } }
  const [first] = await listPositions(tx, selection, { after: -1n, limit: 1 })
  if (first === undefined) throw new LedgerError('NOT_FOUND', 'No event passes: nothing to export')
}

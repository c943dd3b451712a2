import type { ErasureRecord } from '../../projections/erasure-records/queries.ts'
import type { HoldRecord } from '../../projections/erasure-records/holds.ts'
import type { ByKey, ErasureView } from '../../schemas/http/erasures.ts'
import type { HoldView } from '../../schemas/http/holds.ts'

/** An erasure as it is shown at this moment, in milliseconds since 1970. */
export function erasureView (record: ErasureRecord, now: number): ErasureView {
  const { id, state, heldBy, legalBasis, reason, recipients, result, needsApproval } = record
  return {
    id,
    state,
    waitingFor: waitsOf(record, now),
    heldBy,
    subject: { type: record.subjectType, ref: record.ref },
    legalBasis,
    reason,
    recipients,
    requestedAt: record.requestedAt,
    requestedBy: { id: record.requestedBy, name: record.requestedByName },
    notBefore: record.notBefore,
    needsApproval,
    approvedAt: record.approvedAt,
    approvedBy: byKey(record.approvedBy, record.approvedByName),
    orderedAt: record.orderedAt,
    holdsChecked: record.holdsChecked,
    executedAt: record.executedAt,
    result,
    lateEvents: Number(record.lateEvents),
    verified: verifiedOf(record)
  }
}

function verifiedOf (
  { verifiedAt: at, masterKeys: [masterKey, ...olderMasterKeys] }: ErasureRecord
): ErasureView['verified'] {
  return at === null || masterKey === undefined ? null : { at, masterKey, olderMasterKeys }
}

function waitsOf (
  { state, needsApproval, approvedAt, notBefore, heldBy }: ErasureRecord, now: number
): ErasureView['waitingFor'] {
  if (state !== 'requested') return []
  return [
    ...needsApproval && approvedAt === null ? ['approval' as const] : [],
    ...Date.parse(notBefore) > now ? ['cooling-off' as const] : [],
    ...heldBy.length > 0 ? ['hold' as const] : []
  ]
}

/** A hold as it is shown. */
export function holdView (record: HoldRecord): HoldView {
  const { id, active, scope, reason, until, placedAt, releasedAt, releaseReason } = record
  return {
    id,
    active,
    scope,
    reason,
    until,
    placedAt,
    placedBy: { id: record.placedBy, name: record.placedByName },
    releasedAt,
    releasedBy: byKey(record.releasedBy, record.releasedByName),
    releaseReason
  }
}

function byKey (id: string | null, name: string | null): ByKey | null {
  return id === null ? null : { id, name }
}

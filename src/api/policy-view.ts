import type { PolicyRecord } from '../../projections/retention/queries.ts'
import type { PolicyView } from '../../schemas/http/retention-policies.ts'

/** A retention policy as it is shown. */
export function policyView (record: PolicyRecord): PolicyView {
  const { id, category, action, age, reason, forced, setAt, setBy, setByName } = record
  const { revokedAt, revokedBy, revokedByName, revokeReason, lastRunAt, lastCutoff } = record
  return {
    id,
    active: revokedAt === null,
    category,
    action,
    age,
    reason,
    forced,
    setAt,
    setBy: { id: setBy, name: setByName },
    revokedAt,
    revokedBy: revokedBy === null ? null : { id: revokedBy, name: revokedByName },
    revokeReason,
    runs: Number(record.runs),
    removed: Number(record.removed),
    lastRunAt,
    lastCutoff
  }
}

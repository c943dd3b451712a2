import { TypeCompiler } from '@sinclair/typebox/compiler'
import {
  ErasureApprovedData, ErasureExecutedData, ErasureOrderedData, ErasureRequestedData,
  HoldPlacedData, HoldReleasedData, MasterKeyDestroyedData, type HoldScope
} from '../../schemas/events/erasure.ts'
import { ERASURE_TYPE, FENCE, HOLD_TYPE, MASTER_KEY } from '../../schemas/events/ledger.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { textColumn } from '../columns.ts'
import { applyOwn, checkedData, ownData, type OwnHandler } from '../own-data.ts'
import type { Projection, Tx } from '../projection.ts'

const requested = TypeCompiler.Compile(ErasureRequestedData)
const approved = TypeCompiler.Compile(ErasureApprovedData)
const ordered = TypeCompiler.Compile(ErasureOrderedData)
const executed = TypeCompiler.Compile(ErasureExecutedData)
const destroyed = TypeCompiler.Compile(MasterKeyDestroyedData)
const placed = TypeCompiler.Compile(HoldPlacedData)
const released = TypeCompiler.Compile(HoldReleasedData)

/** By action. */
const HANDLERS: ReadonlyMap<string, OwnHandler> = new Map([
  ['ledger.erasure_requested', request],
  ['ledger.erasure_approved', approve],
  ['ledger.erasure_ordered', order],
  ['ledger.erasure_executed', execute],
  ['ledger.master_key_destroyed', loseMasterKey],
  ['ledger.hold_placed', place],
  ['ledger.hold_released', release]
])

/** What was asked, decided and done about erasing persons, and what must not be touched. */
export const erasureRecords: Projection = {
  name: 'erasure_records',
  version: 3,
  tables: 'projections/erasure-records/tables.sql',
  views: ['erasure', 'hold', 'destroyed_master_key'],
  apply: applyOwn(HANDLERS),
  async erase (persons, tx) {
    const late = persons
      .map(({ tenant, ref, position, positions }) =>
        ({ tenant, ref, count: positions.filter((other) => other > position).length }))
      .filter(({ count }) => count > 0)
    for (const { tenant, ref, count } of late) {
      await tx.query(
        'update erasure set late_events = late_events + $3 where tenant = $1 and ref = $2',
        [tenant, ref, count])
    }
    return {}
  }
}

async function request (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = ownData(event, ERASURE_TYPE, requested)
  if (said === undefined) return false
  const { tenant, recordedAt, actor } = event.data
  await tx.query(`
    insert into erasure (
      tenant, id, ref, position, state, subject_type, legal_basis, reason, recipients,
      requested_at, requested_by, requested_by_name, not_before, needs_approval)
    values ($1, $2, $3, $4, 'requested', $5, $6, $7, $8, $9, $10, $11, $12, $13)
    on conflict do nothing`,
  [tenant, event.data.entity?.id, said.ref, event.position, said.subjectType, said.legalBasis,
    said.reason, JSON.stringify(said.recipients), recordedAt, actor.id ?? '', actor.name,
    said.notBefore, said.needsApproval])
  return true
}

async function approve (event: DecodedEvent, tx: Tx): Promise<boolean> {
  if (ownData(event, ERASURE_TYPE, approved) === undefined) return false
  const { tenant, entity, actor, recordedAt } = event.data
  await tx.query(`
    update erasure set approved_at = $3, approved_by = $4, approved_by_name = $5
    where tenant = $1 and id = $2 and approved_at is null`,
  [tenant, entity?.id, recordedAt, actor.id ?? '', actor.name])
  return true
}

async function order (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = event.data.entity?.type === FENCE.type
    ? checkedData(event, ordered)
    : undefined
  if (said === undefined) return false
  const { tenant, recordedAt } = event.data
  await tx.query(`
    update erasure set state = 'ordered', ordered_at = $3, ordered_position = $4,
      holds_checked = $5, holds = $6
    where tenant = $1 and id = $2 and state = 'requested'`,
  [tenant, said.erasure, recordedAt, event.position, said.holdsChecked,
    JSON.stringify(said.holds)])
  return true
}

async function execute (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = ownData(event, ERASURE_TYPE, executed)
  if (said === undefined) return false
  const { ref, ...result } = said
  const { masterKey, olderMasterKeys = [] } = result
  const { tenant, recordedAt } = event.data
  await tx.query(`
    update erasure set state = 'executed', executed_at = $3, result = $4,
      master_keys = $5
    where tenant = $1 and ref = $2 and state = 'ordered'`,
  [tenant, ref, recordedAt, JSON.stringify(result),
    textColumn(masterKey === undefined ? [] : [masterKey, ...olderMasterKeys])])
  return true
}

async function loseMasterKey (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = event.data.entity?.type === MASTER_KEY.type
    ? checkedData(event, destroyed)
    : undefined
  if (said === undefined) return false
  await tx.query(`
    insert into destroyed_master_key (tenant, id, destroyed_at) values ($1, $2, $3)
    on conflict do nothing`,
  [event.data.tenant, said.key, event.data.recordedAt])
  return true
}

async function place (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = ownData(event, HOLD_TYPE, placed)
  if (said === undefined) return false
  const { tenant, entity, actor, recordedAt } = event.data
  const [type, keys] = scopeOf(said.scope)
  await tx.query(`
    insert into hold (
      tenant, id, position, kind, scope_type, scope_keys, reason, until,
      placed_at, placed_by, placed_by_name)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    on conflict do nothing`,
  [tenant, entity?.id, event.position, said.scope.kind, type, textColumn(keys), said.reason,
    said.until, recordedAt, actor.id ?? '', actor.name])
  return true
}

function scopeOf (scope: HoldScope): [type: string | null, keys: string[]] {
  switch (scope.kind) {
    case 'subject': return [scope.type, [scope.ref, ...scope.others ?? []]]
    case 'entity': return [scope.type, [scope.key, ...scope.others ?? []]]
    case 'tenant': return [null, []]
  }
}

async function release (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = ownData(event, HOLD_TYPE, released)
  if (said === undefined) return false
  const { tenant, entity, actor, recordedAt } = event.data
  await tx.query(`
    update hold set released_at = $3, released_by = $4, released_by_name = $5,
      release_reason = $6
    where tenant = $1 and id = $2 and released_at is null`,
  [tenant, entity?.id, recordedAt, actor.id ?? '', actor.name, said.reason])
  return true
}

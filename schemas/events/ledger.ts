import { Type, type TSchema } from '@sinclair/typebox'
import { CHECKPOINT_ACTION, CHECKPOINT_ENTITY, CheckpointData } from '../checkpoint.ts'
import { EPOCH_ACTION, EPOCH_ENTITY, EpochData } from '../epoch.ts'
import { Int64, type Category } from '../primitives.ts'
import { AccessData } from './access.ts'
import { ChangeData } from './change.ts'
import {
  ErasureApprovedData, ErasureExecutedData, ErasureOrderedData, ErasureRequestedData,
  HoldPlacedData, HoldReleasedData, MasterKeyDestroyedData
} from './erasure.ts'
import {
  ExportDeletedData, ExportDownloadedData, ExportedData, ExportRequestedData
} from './export.ts'
import { dataOf, DurationMs, Text } from './fields.ts'
import {
  RetentionPolicyRevokedData, RetentionPolicySetData, RetentionRanData
} from './retention.ts'

/** The source of the ledger's own events. */
export const LEDGER_SOURCE = 'ledger'
/** The entity to which erasures are ordered: one stream a tenant, read by every vault at start. */
export const FENCE = { type: 'ledger_vault', id: 'erasures' } as const
/** What a tenant is told of master keys. */
export const MASTER_KEY = { type: FENCE.type, id: 'master-key' } as const
export const ERASURE_TYPE = 'ledger_erasure'
export const HOLD_TYPE = 'ledger_hold'
/** As what reads name a person, by the ref alone: its trail says who read about them. */
export const SUBJECT_TYPE = 'ledger_subject'
export const RETENTION_TYPE = 'ledger_retention_policy'
export const EXPORT_TYPE = 'ledger_export'

interface LedgerEventKind {
  entityType: string
  category: Category
  data: TSchema
}

const keyChange = {
  entityType: 'ledger_api_key',
  category: 'change',
  data: dataOf({
    ...ChangeData.properties,
    roles: Type.Optional(Type.Array(Text)),
    expiresAt: Type.Optional(Type.Union([Text, Type.Null()]))
  })
} as const
const access = {
  entityType: 'ledger_api_key',
  category: 'access',
  data: dataOf({
    ...AccessData.properties,
    times: Type.Optional(Type.Integer({
      minimum: 1, description: 'Reads or refusals that this stands for'
    }))
  })
} as const
const erasure = { entityType: ERASURE_TYPE, category: 'action' } as const
const hold = { entityType: HOLD_TYPE, category: 'action' } as const
const webhookChange = {
  entityType: 'ledger_webhook',
  category: 'change',
  data: dataOf({ ...ChangeData.properties, secret: Type.Optional(Type.Literal('rotated')) })
} as const
const retention = { entityType: RETENTION_TYPE, category: 'action' } as const
const tenantChange = { entityType: 'ledger_tenant', category: 'change', data: ChangeData } as const

/**
 * The ledger's own events: action -> the type of the entity it happens to, its category, and the
 * schema of its data. The only list of them. They carry no personal data: keys and the ledger
 * itself act, and persons appear by their refs only.
 */
export const LEDGER_EVENTS = {
  'ledger.api_key_created': keyChange,
  'ledger.api_key_rotated': keyChange,
  'ledger.api_key_revoked': keyChange,
  'ledger.tenant_created': tenantChange,
  'ledger.tenant_updated': tenantChange,
  'ledger.schema_registered': {
    entityType: 'ledger_schema',
    category: 'change',
    data: dataOf({ ...ChangeData.properties, breaking: Type.Optional(Type.Boolean()) })
  },
  'ledger.webhook_created': webhookChange,
  'ledger.webhook_updated': webhookChange,
  'ledger.webhook_deleted': webhookChange,
  'ledger.webhook_disabled': {
    entityType: 'ledger_webhook',
    category: 'system',
    data: dataOf({ reason: Text, position: Int64, lastError: Text })
  },
  'ledger.denied': access,
  'ledger.read': access,
  'ledger.erasure_requested': { ...erasure, data: ErasureRequestedData },
  'ledger.erasure_approved': { ...erasure, data: ErasureApprovedData },
  'ledger.erasure_ordered': {
    entityType: FENCE.type, category: 'action', data: ErasureOrderedData
  },
  'ledger.erasure_executed': { ...erasure, data: ErasureExecutedData },
  'ledger.hold_placed': { ...hold, data: HoldPlacedData },
  'ledger.hold_released': { ...hold, data: HoldReleasedData },
  'ledger.retention_policy_set': { ...retention, data: RetentionPolicySetData },
  'ledger.retention_policy_revoked': { ...retention, data: RetentionPolicyRevokedData },
  'ledger.retention_ran': { ...retention, data: RetentionRanData },
  'ledger.export_requested': {
    entityType: EXPORT_TYPE, category: 'action', data: ExportRequestedData
  },
  'ledger.exported': { entityType: EXPORT_TYPE, category: 'access', data: ExportedData },
  'ledger.export_downloaded': {
    entityType: EXPORT_TYPE, category: 'access', data: ExportDownloadedData
  },
  'ledger.export_deleted': {
    entityType: EXPORT_TYPE, category: 'action', data: ExportDeletedData
  },
  'ledger.master_key_rotated': {
    entityType: FENCE.type,
    category: 'system',
    data: dataOf({ to: Text, keys: Type.Integer({ minimum: 0 }) })
  },
  'ledger.master_key_destroyed': {
    entityType: MASTER_KEY.type, category: 'system', data: MasterKeyDestroyedData
  },
  [CHECKPOINT_ACTION]: {
    entityType: CHECKPOINT_ENTITY.type,
    category: 'system',
    data: CheckpointData
  },
  [EPOCH_ACTION]: { entityType: EPOCH_ENTITY.type, category: 'system', data: EpochData },
  'ledger.inconsistency_found': {
    entityType: 'ledger_integrity',
    category: 'system',
    data: dataOf({
      kind: Text,
      message: Text,
      index: Type.Optional(Int64)
    })
  },
  'ledger.projection_rebuilt': {
    entityType: 'ledger_projection',
    category: 'system',
    data: dataOf({
      version: Type.Optional(Type.Integer({ minimum: 1 })),
      events: Type.Optional(Type.Integer({ minimum: 0 })),
      durationMs: Type.Optional(DurationMs)
    })
  }
} satisfies Record<`ledger.${string}`, LedgerEventKind>

export type LedgerAction = keyof typeof LEDGER_EVENTS

/** Whether the ledger has an event of its own with this action. */
export function isLedgerAction (action: string): action is LedgerAction {
  return Object.hasOwn(LEDGER_EVENTS, action)
}

import { Type, type TSchema } from '@sinclair/typebox'
import type { Category } from '../primitives.ts'
import { AccessData } from './access.ts'
import { ChangeData } from './change.ts'
import { dataOf, DurationMs, Text } from './fields.ts'

/** The source of the ledger's own events. */
export const LEDGER_SOURCE = 'ledger'

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
  'ledger.denied': {
    entityType: 'ledger_api_key',
    category: 'access',
    data: dataOf({
      ...AccessData.properties,
      times: Type.Optional(Type.Integer({ minimum: 1, description: 'Refusals this stands for' }))
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

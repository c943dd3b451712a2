import { Type, type Static } from '@sinclair/typebox'
import { Category, Int64, Outcome, Tenant, Timestamp, Uuid } from './primitives.ts'

/** The type of a message that only shows that a webhook works. */
export const WEBHOOK_TEST_TYPE = 'ledger.webhook_test'

const Named = Type.Object({
  type: Type.String(),
  key: Type.Optional(Type.String({
    description: 'A person\'s random ref, of others the id; absent: erased, or there is none'
  }))
}, { additionalProperties: false })

/**
 * What a webhook says of an event, after Standard Webhooks 1.0.0: what lists filter by and where
 * to read the rest. Nothing that is sealed, and nothing that producers write freely.
 */
export const WebhookMessage = Type.Object({
  type: Type.String({ description: 'The action' }),
  timestamp: { ...Timestamp, description: 'occurredAt' },
  data: Type.Object({
    id: Uuid,
    tenant: Tenant,
    position: Int64,
    category: Category,
    outcome: Outcome,
    source: Type.String(),
    recordedAt: Timestamp,
    actor: Named,
    entity: Type.Optional(Named),
    correlationId: Type.Optional(Type.String()),
    leafHash: Type.String({ description: 'SHA-256 of the leaf, hex' }),
    href: Type.String({ description: 'Where readers with a key find the event' })
  }, { additionalProperties: false })
}, { additionalProperties: false, title: 'WebhookMessage' })
export type WebhookMessage = Static<typeof WebhookMessage>

import { Type, type Static } from '@sinclair/typebox'
import {
  ActionPattern, Category, EntityType, Int64, nullable, Outcome, Tenant, Timestamp, Uuid
} from '../primitives.ts'
import { ROTATION_OVERLAP_MAX_S, ROTATION_OVERLAP_S } from './api-keys.ts'

/** Webhooks of one tenant: each reads every event of the tenant. */
export const WEBHOOKS_MAX = 20
export const WEBHOOK_URL_MAX_LENGTH = 2_048
/** Alternatives of one member of a filter. */
export const WEBHOOK_FILTER_MAX = 50

const closed = { additionalProperties: false }
const several = { minItems: 1, maxItems: WEBHOOK_FILTER_MAX, uniqueItems: true }

/** Which events are sent: one of each list that is given. */
export const WebhookFilter = Type.Object({
  actions: Type.Optional(Type.Array(ActionPattern, {
    ...several,
    description: 'Exactly, or everything below: auth.*; the ledger\'s own events are sent only ' +
      'to who names them here'
  })),
  categories: Type.Optional(Type.Array(Category, several)),
  outcomes: Type.Optional(Type.Array(Outcome, several)),
  entityTypes: Type.Optional(Type.Array(EntityType, several))
}, { ...closed, title: 'WebhookFilter' })
export type WebhookFilter = Static<typeof WebhookFilter>

const Url = Type.String({
  minLength: 1,
  maxLength: WEBHOOK_URL_MAX_LENGTH,
  description: 'https, at an address that everybody can reach; redirects are not followed'
})
const After = {
  ...Int64,
  description: 'Events after this position are sent; those from now on if a new one does not say'
}

/** A webhook as it is shown: never its secret. */
export const WebhookView = Type.Object({
  id: Uuid,
  tenant: Tenant,
  url: Url,
  filter: WebhookFilter,
  enabled: Type.Boolean(),
  state: Type.Union([
    Type.Literal('delivering'), Type.Literal('failing'), Type.Literal('disabled')
  ]),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  position: { ...Int64, description: 'What matches up to here is delivered' },
  lastDeliveredPosition: nullable(Int64),
  lastDeliveredAt: nullable(Timestamp),
  failingSince: nullable(Timestamp),
  failures: Type.Integer({ description: 'Attempts in a row that failed' }),
  nextAttemptAt: nullable(Timestamp),
  lastError: nullable(Type.String()),
  disabledReason: nullable(Type.String({ description: 'Why the ledger itself disabled it' }))
}, { title: 'Webhook' })
export type WebhookView = Static<typeof WebhookView>

/** The one answer that holds the secret. */
export const NewWebhook = Type.Composite([WebhookView, Type.Object({
  secret: Type.String({ description: 'whsec_…, signs every delivery: shown once' })
})], { title: 'NewWebhook' })
export type NewWebhook = Static<typeof NewWebhook>

export const CreateWebhook = Type.Object({
  url: Url,
  filter: Type.Optional(WebhookFilter),
  enabled: Type.Optional(Type.Boolean({ description: 'true if left out' })),
  after: Type.Optional(After),
  tenant: Type.Optional({ ...Tenant, description: 'Server-level admins only, who must say it' })
}, closed)

/** Members that are given replace those that are there. */
export const PatchWebhook = Type.Object({
  url: Type.Optional(Url),
  filter: Type.Optional(WebhookFilter),
  enabled: Type.Optional(Type.Boolean()),
  after: Type.Optional({ ...After, description: 'Goes on, or back, to after this position' })
}, { ...closed, minProperties: 1 })
export type PatchWebhook = Static<typeof PatchWebhook>

export const RotateWebhook = Type.Object({
  overlapSeconds: Type.Optional(Type.Integer({
    minimum: 0,
    maximum: ROTATION_OVERLAP_MAX_S,
    description: `How long the old secret signs as well; ${ROTATION_OVERLAP_S} if left out`
  }))
}, closed)

/** What came of a test message. */
export const WebhookTested = Type.Object({
  delivered: Type.Boolean(),
  status: nullable(Type.Integer({ description: 'The receiver\'s answer; null: there was none' })),
  error: nullable(Type.String()),
  durationMs: Type.Integer()
}, { title: 'WebhookTested' })
export type WebhookTested = Static<typeof WebhookTested>

export const WebhookParams = Type.Object({ id: Uuid })
export const WebhooksQuery = Type.Object({
  tenant: Type.Optional({ ...Tenant, description: 'Server-level admins only, who must say it' })
}, closed)
export const WebhookList = Type.Object({ items: Type.Array(WebhookView) })

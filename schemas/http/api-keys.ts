import { Type, type Static } from '@sinclair/typebox'
import { Identifier, SubjectRef, Tenant, Timestamp } from '../primitives.ts'

export const Role = Type.Union([
  Type.Literal('producer'), Type.Literal('self'), Type.Literal('auditor'),
  Type.Literal('compliance'), Type.Literal('admin'), Type.Literal('operator')
])
export type Role = Static<typeof Role>

/** What a role may do, in one sentence each; the only list of them. */
export const ROLES = {
  producer: 'append events, as the source named like the key',
  self: 'read the events by and about one user, the key\'s subject',
  auditor: 'read everything of the tenant',
  compliance: 'read everything of the tenant, erase persons, place holds',
  admin: 'manage tenants, settings and keys; reads no events',
  operator: 'see health and projections; reads no events'
} as const satisfies Record<Role, string>

/** Roles that a key without a tenant may have: it sees no tenant's events. */
export const SERVER_ROLES: readonly Role[] = ['admin', 'operator']

export const KEY_NAME_MAX_LENGTH = 64
/** The old key keeps working so long after a rotation if the request does not say. */
export const ROTATION_OVERLAP_S = 86_400
export const ROTATION_OVERLAP_MAX_S = 30 * 86_400

/** Name of a key; of a producer's key it is also the events' source. */
export const KeyName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength: KEY_NAME_MAX_LENGTH
})

/** A key as it is shown: never its secret. */
export const ApiKey = Type.Object({
  id: Type.String(),
  tenant: Type.Union([Tenant, Type.Null()], { description: 'null: a key of the server itself' }),
  name: KeyName,
  roles: Type.Array(Role),
  createdAt: Timestamp,
  expiresAt: Type.Union([Timestamp, Type.Null()]),
  revokedAt: Type.Union([Timestamp, Type.Null()]),
  lastUsedAt: Type.Union([Timestamp, Type.Null()], { description: 'To the minute' })
}, { title: 'ApiKey' })
export type ApiKey = Static<typeof ApiKey>

/** The one answer that holds the secret. */
export const NewApiKey = Type.Composite([ApiKey, Type.Object({
  secret: Type.String({ description: 'The key itself: shown once, kept nowhere' })
})], { title: 'NewApiKey' })
export type NewApiKey = Static<typeof NewApiKey>

export const CreateApiKey = Type.Object({
  name: KeyName,
  roles: Type.Array(Role, { minItems: 1, maxItems: 6, uniqueItems: true }),
  tenant: Type.Optional(Type.Union([Tenant, Type.Null()], {
    description: 'Server-level admins only: whose key it is; null for a key of the server'
  })),
  subject: Type.Optional({ ...SubjectRef, description: 'The user that a self key may read' }),
  expiresAt: Type.Optional(Timestamp)
}, { additionalProperties: false })

export const ApiKeysQuery = Type.Object({
  tenant: Type.Optional({ ...Tenant, description: 'Server-level admins only' })
}, { additionalProperties: false })

export const RotateApiKey = Type.Object({
  overlapSeconds: Type.Optional(Type.Integer({
    minimum: 0,
    maximum: ROTATION_OVERLAP_MAX_S,
    description: `How long the old key still works; ${ROTATION_OVERLAP_S} if left out`
  }))
}, { additionalProperties: false })

export const ApiKeyParams = Type.Object({ id: Identifier })
export const ApiKeyList = Type.Object({ items: Type.Array(ApiKey) })

import { Type, type Static } from '@sinclair/typebox'
import { EntityType } from './primitives.ts'

/** Entity types that are persons unless a tenant says otherwise. */
export const DEFAULT_PERSON_TYPES = [
  'user', 'person', 'customer', 'employee', 'patient', 'student', 'member'
]

/** Hours between the request of an erasure and its order, at most: a month is what law allows. */
export const COOLING_OFF_MAX_H = 720

/** What a tenant can choose. Absent members take the defaults named here. */
export const TenantSettings = Type.Object({
  personTypes: Type.Optional(Type.Array(EntityType, {
    maxItems: 100,
    description: 'Entity types whose id and name are personal, besides user, which always is; ' +
      `default ${DEFAULT_PERSON_TYPES.join(' ')}`
  })),
  sealData: Type.Optional(Type.Boolean({
    description: 'Seal data, before, after, changes and description under the actor; default false'
  })),
  erasure: Type.Optional(Type.Object({
    coolingOffHours: Type.Optional(Type.Number({
      minimum: 0,
      maximum: COOLING_OFF_MAX_H,
      description: 'Hours that an erasure waits, in which a hold can stop it; default 0'
    })),
    secondApprover: Type.Optional(Type.Boolean({
      description: 'Another key than the requesting one must approve an erasure; default false'
    }))
  }, { additionalProperties: false })),
  schemas: Type.Optional(Type.Union([
    Type.Literal('off'), Type.Literal('registered'), Type.Literal('required')
  ], {
    description: 'registered: events of registered actions must fit their schemas; required: and ' +
      'there are no others; default off'
  }))
}, { additionalProperties: false })
export type TenantSettings = Static<typeof TenantSettings>

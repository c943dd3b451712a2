import { Type, type Static } from '@sinclair/typebox'
import { Action, Timestamp } from '../primitives.ts'
import { ActionSchema } from '../vocabulary/action-schema.ts'

/** Actions that one tenant can register. */
export const ACTION_SCHEMAS_MAX = 1_000

export const SchemaParams = Type.Object({ action: Action })

/** A schema to register, and whether it may refuse what the one before took. */
export const RegisterSchema = Type.Composite([ActionSchema, Type.Object({
  breaking: Type.Optional(Type.Boolean({
    description: 'It may refuse what the version before took; false if left out'
  }))
})], { additionalProperties: false, title: 'RegisterSchema' })

/** An action as it is known. */
export const RegisteredSchema = Type.Composite([Type.Object({
  action: Action,
  version: Type.Integer({ description: '1, 2, …; 0: from the starter catalogue' }),
  registeredAt: Type.Union([Timestamp, Type.Null()])
}), ActionSchema], { title: 'RegisteredSchema' })
export type RegisteredSchema = Static<typeof RegisteredSchema>

export const SchemaList = Type.Object({ items: Type.Array(RegisteredSchema) })

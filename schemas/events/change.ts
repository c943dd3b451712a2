import { Type } from '@sinclair/typebox'
import { dataOf } from './fields.ts'

export const Operation = Type.Union([
  Type.Literal('create'), Type.Literal('update'), Type.Literal('delete'), Type.Literal('restore')
])

/** A change of data; the states themselves are the event's before, after or changes. */
export const ChangeData = dataOf({
  operation: Type.Optional(Operation),
  validationErrors: Type.Optional(Type.Array(Type.Unknown())),
  businessRules: Type.Optional(Type.Array(Type.Unknown()))
})

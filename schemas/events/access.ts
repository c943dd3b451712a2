import { Type } from '@sinclair/typebox'
import { dataOf, Text } from './fields.ts'

/** Somebody read data: what was asked, which fields were seen, under which permission. */
export const AccessData = dataOf({
  operation: Type.Optional(Text),
  query: Type.Optional(Type.Unknown()),
  fields: Type.Optional(Type.Array(Text)),
  permission: Type.Optional(Text),
  filters: Type.Optional(Type.Unknown()),
  rowCount: Type.Optional(Type.Integer({ minimum: 0 }))
})

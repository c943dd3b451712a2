import { Type } from '@sinclair/typebox'
import { dataOf, LongText, Text } from './fields.ts'

export const Severity = Type.Union([
  Type.Literal('debug'), Type.Literal('info'), Type.Literal('warning'),
  Type.Literal('error'), Type.Literal('critical')
])

/** Something happened to a component by itself: migrations, failures, schedules. */
export const SystemData = dataOf({
  severity: Type.Optional(Severity),
  component: Type.Optional(Text),
  errorCode: Type.Optional(Text),
  stackTrace: Type.Optional(LongText),
  affected: Type.Optional(Type.Array(Type.Unknown()))
})

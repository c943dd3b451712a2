import { Type } from '@sinclair/typebox'
import { dataOf, DurationMs, HttpMethod, HttpStatus, Text } from './fields.ts'

/** A call that the producer's own API answered. */
export const ApiData = dataOf({
  method: Type.Optional(HttpMethod),
  endpoint: Type.Optional(Text),
  statusCode: Type.Optional(HttpStatus),
  durationMs: Type.Optional(DurationMs),
  request: Type.Optional(Type.Unknown()),
  response: Type.Optional(Type.Unknown()),
  headers: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  error: Type.Optional(Type.Unknown())
})

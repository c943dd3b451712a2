import { Type } from '@sinclair/typebox'
import { dataOf, DurationMs, HttpMethod, HttpStatus, Text } from './fields.ts'

/** A call that the producer made to somebody else's service. */
export const ExternalData = dataOf({
  service: Type.Optional(Text),
  endpoint: Type.Optional(Text),
  method: Type.Optional(HttpMethod),
  statusCode: Type.Optional(HttpStatus),
  durationMs: Type.Optional(DurationMs),
  error: Type.Optional(Type.Unknown()),
  rateLimit: Type.Optional(Type.Unknown())
})

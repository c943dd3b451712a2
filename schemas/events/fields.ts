import { Type, type TProperties } from '@sinclair/typebox'

/** A non-negative number of milliseconds; fractions allowed. */
export const DurationMs = Type.Number({ minimum: 0, description: 'Milliseconds' })
export const HttpMethod = Type.String({ pattern: '^[A-Z]{3,16}$' })
export const HttpStatus = Type.Integer({ minimum: 100, maximum: 599 })
export const Text = Type.String({ maxLength: 4_096 })
export const LongText = Type.String({ maxLength: 32_768 })

/**
 * The data of a category: its own fields are typed when present, more are welcome.
 * Nothing is required, for a producer records what it knows and invents nothing.
 */
export const dataOf = <T extends TProperties>(fields: T) =>
  Type.Object(fields, { additionalProperties: true })

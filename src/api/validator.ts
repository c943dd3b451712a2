import type { TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { FastifySchemaCompiler } from 'fastify'
import { explain } from '../../schemas/explain.ts'
import { LedgerError, type Violation } from '../errors.ts'

/** More than these say nothing new. */
const VIOLATIONS_MAX = 20

/** With the flag u a pair is one code point, so only half a pair matches. */
const LONE_SURROGATE = /\p{Surrogate}/u

type Result = { value: unknown } | { error: Error }
type Values = Readonly<Record<string, unknown>>

/**
 * Takes a request's parts as they are or refuses them with INVALID_REQUEST: nothing is dropped,
 * defaulted or coerced. Only query strings are converted, as they know no types: whole numbers
 * and booleans where the schema asks for them, then checked like everything else.
 */
export const refuseOrTake: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = TypeCompiler.Compile(schema)
  const named = httpPart !== 'body'
  return (sent: unknown): Result => {
    // Fastify says null for no body at all, which is the empty object here: nothing was said.
    const given = httpPart === 'body' && (sent ?? null) === null ? {} : sent
    const early = named ? unusable(schema, given as Values, httpPart === 'querystring') : []
    const value = httpPart === 'querystring' ? converted(schema, given as Values) : given
    if (early.length === 0 && check.Check(value)) return { value }
    const late = early.length > 0 ? [] : explain(check.Errors(value))
    const violations = late.map(({ pointer, detail }) => ({
      pointer: named ? pointer.slice(1) : pointer, detail
    }))
    return { error: refusal([...early, ...violations]) }
  }
}

/** The error for violations found in a request; its detail is the first of them. */
export function refusal (violations: readonly Violation[]): LedgerError {
  const [first] = violations
  const said = first === undefined ? 'not valid' : `${first.pointer || 'body'}: ${first.detail}`
  return new LedgerError('INVALID_REQUEST', said, {
    violations: violations.slice(0, VIOLATIONS_MAX)
  })
}

function unusable (schema: TSchema, given: Values, closed: boolean): Violation[] {
  return Object.entries(given).flatMap(([pointer, value]) => {
    const known = propertyOf(schema, pointer)
    if (known === undefined) return closed ? [{ pointer, detail: 'no such parameter' }] : []
    if (Array.isArray(value)) return [{ pointer, detail: 'given more than once' }]
    if (typeof value !== 'string' || LONE_SURROGATE.test(value)) {
      return [{ pointer, detail: 'not a text' }]
    }
    return value.includes('\0') ? [{ pointer, detail: 'holds a NUL character' }] : []
  })
}

function converted (schema: TSchema, given: Values): Values {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => {
    const type: unknown = propertyOf(schema, name)?.['type']
    return [name, typeof value === 'string' ? convert(value, type) : value]
  }))
}

function convert (text: string, type: unknown): unknown {
  if (type === 'integer') return /^-?[0-9]{1,15}$/.test(text) ? Number(text) : text
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}

function propertyOf (schema: TSchema, name: string): TSchema | undefined {
  const properties: Record<string, TSchema> = schema['properties'] ?? {}
  return Object.hasOwn(properties, name) ? properties[name] : undefined
}

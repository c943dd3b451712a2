import type { Violation } from '../pointer.ts'
import { escapeToken } from '../pointer.ts'

/** Levels of a schema, and schemas inside one another altogether. */
export const SCHEMA_DEPTH_MAX = 8
export const SCHEMA_NODES_MAX = 500
const VIOLATIONS_MAX = 20
const ENUM_MAX = 200

const TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'] as const
export type DataType = typeof TYPES[number]

/**
 * The part of JSON Schema (2020-12) that an action's data can be described with: what can be
 * checked in one pass, compared with an earlier version, and costs the door nothing to speak of.
 */
export interface DataSchema {
  title?: string
  description?: string
  type?: DataType | readonly DataType[]
  enum?: ReadonlyArray<string | number | boolean | null>
  properties?: Readonly<Record<string, DataSchema>>
  required?: readonly string[]
  additionalProperties?: boolean
  items?: DataSchema
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isNumber = (value: unknown): boolean => Number.isFinite(value)
const isCount = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0
const isType = (value: unknown): boolean => TYPES.some((type) => type === value)
const isScalar = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value)
const isListOf = (value: unknown, is: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length > 0 && value.length <= ENUM_MAX && value.every(is)

/** Keyword -> whether its value is one; `properties` and `items` hold schemas themselves. */
const KEYWORDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  title: isText,
  description: isText,
  type: (value) => isType(value) || isListOf(value, isType),
  enum: (value) => isListOf(value, isScalar),
  properties: isObject,
  required: (value) => Array.isArray(value) && value.length <= ENUM_MAX && value.every(isText),
  additionalProperties: (value) => typeof value === 'boolean',
  items: isObject,
  minItems: isCount,
  maxItems: isCount,
  minLength: isCount,
  maxLength: isCount,
  minimum: isNumber,
  maximum: isNumber
}

/** Why a value is no DataSchema; empty if it is one. */
export function schemaFaults (schema: unknown, pointer: string): Violation[] {
  const budget = { left: SCHEMA_NODES_MAX }
  return nodeFaults(schema, pointer, 1, budget).slice(0, VIOLATIONS_MAX)
}

function nodeFaults (
  schema: unknown, pointer: string, depth: number, budget: { left: number }
): Violation[] {
  if (!isObject(schema)) return [{ pointer, detail: 'must be a schema: an object' }]
  if (depth > SCHEMA_DEPTH_MAX) return [{ pointer, detail: `is deeper than ${SCHEMA_DEPTH_MAX}` }]
  if (budget.left-- <= 0) return [{ pointer, detail: `is one of over ${SCHEMA_NODES_MAX} schemas` }]
  return Object.entries(schema).flatMap(([name, value]): Violation[] => {
    const at = `${pointer}/${escapeToken(name)}`
    const isRight = Object.hasOwn(KEYWORDS, name) ? KEYWORDS[name] : undefined
    if (isRight === undefined) {
      return [{ pointer: at, detail: `is not one of ${Object.keys(KEYWORDS).join(', ')}` }]
    }
    if (!isRight(value)) return [{ pointer: at, detail: `is not what ${name} can be` }]
    if (name === 'items') return nodeFaults(value, at, depth + 1, budget)
    if (name !== 'properties') return []
    return Object.entries(Object(value)).flatMap(([member, inner]) =>
      nodeFaults(inner, `${at}/${escapeToken(member)}`, depth + 1, budget))
  })
}

/** What of a value is not as the schema says, at most 20; pointers begin with the one given. */
export function checkData (schema: DataSchema, value: unknown, pointer: string): Violation[] {
  return valueFaults(schema, value, pointer).slice(0, VIOLATIONS_MAX)
}

function valueFaults (schema: DataSchema, value: unknown, pointer: string): Violation[] {
  const types = typesOf(schema)
  if (types !== undefined && !types.some((type) => isOfType(value, type))) {
    return [{ pointer, detail: `must be ${types.join(' or ')}` }]
  }
  if (schema.enum !== undefined && !schema.enum.some((allowed) => allowed === value)) {
    return [{ pointer, detail: `must be one of ${schema.enum.map(String).join(', ')}` }]
  }
  if (typeof value === 'string') return rangeFaults(schema, 'Length', [...value].length, pointer)
  if (typeof value === 'number') return rangeFaults(schema, 'imum', value, pointer)
  if (Array.isArray(value)) return arrayFaults(schema, value, pointer)
  return isObject(value) ? objectFaults(schema, value, pointer) : []
}

const UNITS = { Length: 'characters', Items: 'items', imum: '' } as const

function rangeFaults (
  schema: DataSchema, what: keyof typeof UNITS, value: number, pointer: string
): Violation[] {
  const [min, max] = [schema[`min${what}`], schema[`max${what}`]]
  const unit = UNITS[what] && ` ${UNITS[what]}`
  if (min !== undefined && value < min) return [{ pointer, detail: `is less than ${min}${unit}` }]
  if (max !== undefined && value > max) return [{ pointer, detail: `is more than ${max}${unit}` }]
  return []
}

function arrayFaults (schema: DataSchema, value: unknown[], pointer: string): Violation[] {
  const { items } = schema
  const range = rangeFaults(schema, 'Items', value.length, pointer)
  if (range.length > 0 || items === undefined) return range
  return value.flatMap((item, index) => valueFaults(items, item, `${pointer}/${index}`))
}

function objectFaults (schema: DataSchema, value: object, pointer: string): Violation[] {
  const { properties = {}, required = [], additionalProperties = true } = schema
  const missing = required.filter((name) => !Object.hasOwn(value, name))
    .map((name) => ({ pointer: `${pointer}/${escapeToken(name)}`, detail: 'is missing' }))
  const others = Object.entries(value).flatMap(([name, member]): Violation[] => {
    const at = `${pointer}/${escapeToken(name)}`
    const inner = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (inner !== undefined) return valueFaults(inner, member, at)
    return additionalProperties ? [] : [{ pointer: at, detail: 'is not a known member' }]
  })
  return [...missing, ...others]
}

/** The types that a schema allows; undefined: all. */
export function typesOf ({ type }: DataSchema): readonly DataType[] | undefined {
  return typeof type === 'string' ? [type] : type
}

function isOfType (value: unknown, type: DataType): boolean {
  switch (type) {
    case 'null': return value === null
    case 'array': return Array.isArray(value)
    case 'object': return isObject(value)
    case 'integer': return Number.isInteger(value)
    case 'string': return typeof value === 'string'
    case 'number': return typeof value === 'number'
    case 'boolean': return typeof value === 'boolean'
  }
}

function isObject (value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

import type { TSchema } from '@sinclair/typebox'
import { ValueErrorType, type ValueError } from '@sinclair/typebox/errors'
import { Value } from '@sinclair/typebox/value'
import { VIOLATIONS_MAX } from './json-faults.ts'
import type { Violation } from './pointer.ts'

/**
 * TypeBox's errors as plain sentences: what is wrong where, and what would be right. One for each
 * place, at most VIOLATIONS_MAX, and never with the value in it, which may be personal.
 */
export function explain (errors: Iterable<ValueError>): Violation[] {
  const found = new Map<string, Violation>()
  for (const violation of flatten(errors, '')) {
    // A missing member is reported as missing first and as of the wrong type after that.
    if (!found.has(violation.pointer)) found.set(violation.pointer, violation)
    if (found.size === VIOLATIONS_MAX) break
  }
  return [...found.values()]
}

function * flatten (errors: Iterable<ValueError>, base: string): Iterable<Violation> {
  for (const error of errors) {
    const pointer = base + error.path
    const choice = error.type === ValueErrorType.Union ? choiceOf(error) : undefined
    if (choice === undefined) yield { pointer, detail: sentence(error) }
    else if (choice.variant) yield * flatten(Value.Errors(choice.variant, error.value), pointer)
    else {
      const detail = choice.missing
        ? `is missing: ${oneOf(choice.known)}`
        : `must be ${oneOf(choice.known)}`
      yield { pointer: `${pointer}/${choice.member}`, detail }
    }
  }
}

interface Choice {
  /** The member by which every variant says what it is. */
  member: string
  known: string[]
  missing: boolean
  /** The variant that the value means to be. */
  variant: TSchema | undefined
}

/** How a value chooses among the variants of a union, if there is one member to tell them by. */
function choiceOf ({ schema, value }: ValueError): Choice | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const variants: TSchema[] = schema['anyOf']
  const member = ['type', 'category'].find((name) =>
    variants.every((variant) => literalsOf(variant['properties']?.[name]).length > 0))
  if (member === undefined) return undefined
  const given: unknown = Object.hasOwn(value, member) ? Reflect.get(value, member) : undefined
  return {
    member,
    known: variants.flatMap((variant) => literalsOf(variant['properties'][member])),
    missing: given === undefined,
    variant: variants.find((variant) => Value.Check(variant['properties'][member], given))
  }
}

/** The texts that a literal, or a union of literals, allows; none for anything else. */
function literalsOf (schema: TSchema | undefined): string[] {
  if (schema === undefined) return []
  if (Array.isArray(schema['anyOf'])) return schema['anyOf'].flatMap(literalsOf)
  return typeof schema['const'] === 'string' ? [schema['const']] : []
}

function oneOf (choices: readonly string[]): string {
  return choices.length === 1 ? `"${choices[0]}"` : `one of ${choices.join(', ')}`
}

const LIMITS: Partial<Record<ValueErrorType, (schema: TSchema) => string>> = {
  [ValueErrorType.ArrayMaxItems]: ({ maxItems }) => `has more than ${maxItems} items`,
  [ValueErrorType.ArrayMinItems]: ({ minItems }) => `has fewer than ${minItems} items`,
  [ValueErrorType.IntegerMaximum]: ({ maximum }) => `is more than ${maximum}`,
  [ValueErrorType.IntegerMinimum]: ({ minimum }) => `is less than ${minimum}`,
  [ValueErrorType.NumberMaximum]: ({ maximum }) => `is more than ${maximum}`,
  [ValueErrorType.NumberMinimum]: ({ minimum }) => `is less than ${minimum}`,
  [ValueErrorType.ObjectMaxProperties]: ({ maxProperties }) =>
    `has more members than ${maxProperties}`,
  [ValueErrorType.ObjectMinProperties]: ({ minProperties }) =>
    `has fewer members than ${minProperties}`,
  [ValueErrorType.ObjectRequiredProperty]: (schema) => `is missing: ${kindOf(schema)} is expected`,
  [ValueErrorType.StringMaxLength]: ({ maxLength }) => `is longer than ${maxLength} characters`,
  [ValueErrorType.StringMinLength]: ({ minLength }) => minLength === 1
    ? 'is empty'
    : `is shorter than ${minLength} characters`,
  [ValueErrorType.StringFormat]: ({ description, format }) => `must be: ${description ?? format}`,
  [ValueErrorType.StringPattern]: ({ description, pattern }) =>
    `does not match ${pattern}` + (description === undefined ? '' : ` (${description})`)
}

function sentence ({ type, schema }: ValueError): string {
  if (type === ValueErrorType.ObjectAdditionalProperties) {
    return `is not a known member: ${oneOf(Object.keys(schema['properties']))} can be given here`
  }
  return LIMITS[type]?.(schema) ?? `must be ${kindOf(schema)}`
}

/** What a schema asks for, as words after "must be". */
function kindOf (schema: TSchema): string {
  const choices = literalsOf(schema)
  if (choices.length > 0) return oneOf(choices)
  if (Array.isArray(schema['anyOf'])) return [...new Set(schema['anyOf'].map(kindOf))].join(' or ')
  switch (schema['type']) {
    case 'object': return 'an object'
    case 'array': return 'an array'
    case 'integer': return 'a whole number'
    case 'string': return 'text'
    case 'boolean': return 'true or false'
    case 'null': return 'null'
    default: return typeof schema['type'] === 'string' ? `a ${schema['type']}` : 'something else'
  }
}

import type { TSchema } from '@sinclair/typebox'
import { TypeCompiler, type TypeCheck } from '@sinclair/typebox/compiler'
import { CATEGORIES, EVENT_SCHEMAS, type EventInput } from './events/index.ts'
import { checkRules } from './event-rules.ts'
import { explain } from './explain.ts'
import { VIOLATIONS_MAX } from './json-faults.ts'
import type { Violation } from './pointer.ts'
import { EVENT_MAX_BYTES } from './primitives.ts'
import { parseStrictJson } from './strict-json.ts'

/** An event, or why the bytes are none: too many, not JSON to be kept, or not as agreed. */
export type DoorAnswer =
  | { ok: true, event: EventInput }
  | {
    ok: false
    code: 'EVENT_TOO_LARGE' | 'INVALID_JSON' | 'INVALID_EVENT'
    violations: Violation[]
  }

const CHECKS: ReadonlyMap<unknown, TypeCheck<TSchema>> = new Map(
  CATEGORIES.map((category) => [category, TypeCompiler.Compile<TSchema>(EVENT_SCHEMAS[category])]))

/** What is wrong with the size of an event's JSON text, in bytes. */
export function checkEventBytes (bytes: number): Violation[] {
  return bytes > EVENT_MAX_BYTES
    ? [{ pointer: '', detail: `is ${bytes} bytes long: an event has at most ${EVENT_MAX_BYTES}` }]
    : []
}

/**
 * Everything that is wrong with a value that wants to be an event, at most VIOLATIONS_MAX; empty
 * for an event. The value is only looked at: nothing is dropped, converted or filled in. Its
 * bytes have been through checkEventBytes and parseStrictJson before.
 */
export function checkEvent (value: unknown): Violation[] {
  if (!isObject(value)) return [{ pointer: '', detail: 'must be an object: one event' }]
  const category: unknown = Object.hasOwn(value, 'category') && Reflect.get(value, 'category')
  const check = CHECKS.get(category)
  if (check === undefined) return withoutCategory(value)
  if (!check.Check(value)) return explain(check.Errors(value))
  return checkRules(value as EventInput)
}

/** One event from the bytes that were sent, or everything that is wrong with them. */
export function takeEvent (bytes: Buffer): DoorAnswer {
  const tooLong = checkEventBytes(bytes.length)
  if (tooLong.length > 0) return { ok: false, code: 'EVENT_TOO_LARGE', violations: tooLong }
  const parsed = parseStrictJson(bytes)
  if (!parsed.ok) return { ok: false, code: 'INVALID_JSON', violations: parsed.violations }
  const violations = checkEvent(parsed.value)
  return violations.length > 0
    ? { ok: false, code: 'INVALID_EVENT', violations }
    : { ok: true, event: parsed.value as EventInput }
}

/** Which data is right depends on the category; all the rest can be checked without knowing it. */
function withoutCategory (value: object): Violation[] {
  const known = CATEGORIES.join(', ')
  const given = Object.hasOwn(value, 'category')
  const detail = given ? `must be one of ${known}` : `is missing: one of ${known}`
  const others = CHECKS.get('action')?.Errors({ ...value, category: 'action' }) ?? []
  return [{ pointer: '/category', detail }, ...explain(others)].slice(0, VIOLATIONS_MAX)
}

function isObject (value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

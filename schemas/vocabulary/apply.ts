import type { EventInput } from '../events/index.ts'
import { getAt, type Violation } from '../pointer.ts'
import { ID_MAX_LENGTH } from '../primitives.ts'
import type { ActionSchema } from './action-schema.ts'
import { checkData } from './data-schema.ts'

/** An event that fits its action's schema, what is personal in it declared; or why it does not. */
export type Applied = { ok: true, event: EventInput } | { ok: false, violations: Violation[] }

/**
 * Checks a good event against its action's schema, and declares what that says is personal and
 * the producer has not declared. What the event says stays as it was sent.
 */
export function applySchema (schema: ActionSchema, event: EventInput): Applied {
  const violations = event.category === schema.category
    ? checkData(schema.data ?? {}, event.data ?? {}, '/data')
    : [{ pointer: '/category', detail: `must be ${schema.category}: it is for this action` }]
  if (violations.length > 0) return { ok: false, violations }
  const personal = [...event.personal ?? []]
  for (const { subject, paths } of schema.personal ?? []) {
    const told = paths.filter((path) =>
      getAt(event, path) !== undefined && !isDeclared(event, path))
    if (told.length === 0) continue
    const id = getAt(event, subject.id)
    if (typeof id !== 'string' || id === '' || id.length > ID_MAX_LENGTH) {
      violations.push({ pointer: subject.id, detail: `must say whose data ${told.join(', ')} is` })
    } else personal.push({ subject: { type: subject.type, id }, paths: told })
  }
  if (violations.length > 0) return { ok: false, violations }
  return { ok: true, event: personal.length === 0 ? event : { ...event, personal } }
}

/** Whether the producer has declared the place, or one above or below it, already. */
function isDeclared ({ personal = [] }: EventInput, path: string): boolean {
  return personal.some(({ paths }) => paths.some((declared) =>
    declared === path || path.startsWith(`${declared}/`) || declared.startsWith(`${path}/`)))
}

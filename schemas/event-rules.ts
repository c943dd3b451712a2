import { Value } from '@sinclair/typebox/value'
import type { EventInput } from './events/index.ts'
import { VIOLATIONS_MAX } from './json-faults.ts'
import { getAt, nearestAbove, type Violation } from './pointer.ts'
import { RESERVED_ACTION_PREFIX, RESERVED_ENTITY_TYPE_PREFIX } from './primitives.ts'

/** What personal data can be declared in: the rest is sealed anyway, or needed in clear. */
export const PERSONAL_PLACE =
  /^\/(?:(?:data|before|after)(?:\/.*)?|description|changes\/\d+\/(?:before|after)(?:\/.*)?)$/s
/** What is wrong with any other place. */
export const PERSONAL_PLACE_DETAIL =
  'must point to or into /data, /before, /after, /description or before or after of one of ' +
  '/changes: who acted and from where is personal without being declared'

/**
 * The rules of the vocabulary that a schema cannot tell, for an event that fits its schema.
 * States and changes may both be given, as long as they do not contradict each other.
 */
export function checkRules (event: EventInput): Violation[] {
  return [
    ...reservedNames(event),
    ...duplicateTags(event.tags ?? []),
    ...contradictions(event),
    ...personalPlaces(event)
  ].slice(0, VIOLATIONS_MAX)
}

function reservedNames ({ action, entity, related = [], personal = [] }: EventInput): Violation[] {
  const types = [
    { pointer: '/entity/type', type: entity?.type },
    ...related.map(({ type }, index) => ({ pointer: `/related/${index}/type`, type })),
    ...personal.map(({ subject: { type } }, index) => (
      { pointer: `/personal/${index}/subject/type`, type }))
  ]
  const reserved = types
    .filter(({ type }) => type?.startsWith(RESERVED_ENTITY_TYPE_PREFIX))
    .map(({ pointer }) => ({ pointer, detail: own(RESERVED_ENTITY_TYPE_PREFIX) }))
  return action.startsWith(RESERVED_ACTION_PREFIX)
    ? [{ pointer: '/action', detail: own(RESERVED_ACTION_PREFIX) }, ...reserved]
    : reserved
}

function own (prefix: string): string {
  return `starts with ${prefix}, which only the ledger itself may use`
}

function duplicateTags (tags: readonly string[]): Violation[] {
  if (new Set(tags).size === tags.length) return []
  return tags.flatMap((tag, index) => tags.indexOf(tag) === index
    ? []
    : [{ pointer: `/tags/${index}`, detail: `is the same as tag ${tags.indexOf(tag)}` }])
}

/** A state need not be whole, so only a value that both of them give can contradict. */
function contradictions (event: EventInput): Violation[] {
  const { changes = [], before, after } = event
  if (before === undefined && after === undefined) return []
  return changes.flatMap((change, index) =>
    [{ side: 'before', state: before }, { side: 'after', state: after }].flatMap(
      ({ side, state }) => {
        const [stated, changed] = [getAt(state, change.path), getAt(change, `/${side}`)]
        return stated === undefined || changed === undefined || Value.Equal(stated, changed)
          ? []
          : [{ pointer: `/changes/${index}/${side}`, detail: `is not what /${side} says` }]
      }))
}

function personalPlaces (event: EventInput): Violation[] {
  if (event.personal === undefined) return []
  const declared = event.personal.flatMap(({ paths }, index) => paths.map((path, at) => (
    { path, pointer: `/personal/${index}/paths/${at}` })))
  const firstAt = new Map<string, string>()
  for (const { path, pointer } of declared) {
    if (!firstAt.has(path)) firstAt.set(path, pointer)
  }
  return declared.flatMap(({ path, pointer }) => {
    const detail = placeFault(event, path) ?? overlap(path, pointer, firstAt)
    return detail === undefined ? [] : [{ pointer, detail }]
  })
}

function placeFault (event: EventInput, path: string): string | undefined {
  if (!PERSONAL_PLACE.test(path)) return PERSONAL_PLACE_DETAIL
  return getAt(event, path) === undefined ? 'points to nothing in this event' : undefined
}

function overlap (
  path: string, pointer: string, firstAt: ReadonlyMap<string, string>
): string | undefined {
  if (firstAt.get(path) !== pointer) return `is the same place as ${firstAt.get(path)}`
  const above = nearestAbove(path, firstAt)
  return above && `lies inside the place that ${firstAt.get(above)} names`
}

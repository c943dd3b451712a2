import { escapeToken, type Violation } from '../pointer.ts'
import type { PersonalRule } from './action-schema.ts'
import { typesOf, type DataSchema, type DataType } from './data-schema.ts'

/**
 * Where a later schema refuses what an earlier one took: producers that were right would be
 * refused. A member that is described for the first time counts as new, not as narrower.
 */
export function narrowings (
  earlier: DataSchema, later: DataSchema, pointer: string
): Violation[] {
  const own = [
    ...typeNarrowings(earlier, later, pointer),
    ...enumNarrowings(earlier, later, pointer),
    ...boundNarrowings(earlier, later, pointer),
    ...memberNarrowings(earlier, later, pointer)
  ]
  const inside = Object.entries(later.properties ?? {}).flatMap(([name, schema]) => {
    const before = memberOf(earlier.properties, name)
    const at = `${pointer}/properties/${escapeToken(name)}`
    return before === undefined ? [] : narrowings(before, schema, at)
  })
  const items = later.items === undefined
    ? []
    : narrowings(earlier.items ?? {}, later.items, `${pointer}/items`)
  return [...own, ...inside, ...items]
}

/**
 * Where a later version says otherwise what is whose: what is personal for the first time is
 * refused of producers that do not say whose it is, and what is no more is no longer sealed.
 */
export function personalNarrowings (
  earlier: readonly PersonalRule[] = [], later: readonly PersonalRule[] = []
): Violation[] {
  const [before, after] = [ownersOf(earlier), ownersOf(later)]
  const dropped = [...before].filter(([path]) => !after.has(path))
    .map(([path, { owner }]) => ({ pointer: '/personal', detail: `${path} was ${owner} before` }))
  const changed = [...after].flatMap(([path, { owner, pointer }]): Violation[] => {
    const said = before.get(path)?.owner ?? 'nobody\'s'
    return said === owner ? [] : [{ pointer, detail: `${path} was ${said} before` }]
  })
  return [...dropped, ...changed]
}

interface Owned { owner: string, pointer: string }

function ownersOf (rules: readonly PersonalRule[]): Map<string, Owned> {
  return new Map(rules.flatMap(({ subject: { type, id }, paths }, index) =>
    paths.map((path, at): [string, Owned] =>
      [path, { owner: `of the ${type} at ${id}`, pointer: `/personal/${index}/paths/${at}` }])))
}

const MINIMA = ['minimum', 'minLength', 'minItems'] as const
const MAXIMA = ['maximum', 'maxLength', 'maxItems'] as const

function memberOf (
  members: Readonly<Record<string, DataSchema>> = {}, name: string
): DataSchema | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined
}

function typeNarrowings (
  earlier: DataSchema, later: DataSchema, pointer: string
): Violation[] {
  const [before, after] = [typesOf(earlier), typesOf(later)]
  if (after === undefined) return []
  if (before === undefined) return [{ pointer: `${pointer}/type`, detail: 'was any type before' }]
  const takes = (type: DataType): boolean =>
    after.includes(type) || (type === 'integer' && after.includes('number'))
  return before.filter((type) => !takes(type))
    .map((type) => ({ pointer: `${pointer}/type`, detail: `could be ${type} before` }))
}

function enumNarrowings (
  earlier: DataSchema, later: DataSchema, pointer: string
): Violation[] {
  const after = later.enum
  if (after === undefined) return []
  const at = `${pointer}/enum`
  if (earlier.enum === undefined) return [{ pointer: at, detail: 'was any value before' }]
  return earlier.enum.filter((value) => !after.includes(value))
    .map((value) => ({ pointer: at, detail: `could be ${String(value)} before` }))
}

function boundNarrowings (
  earlier: DataSchema, later: DataSchema, pointer: string
): Violation[] {
  return [...MINIMA, ...MAXIMA].flatMap((name): Violation[] => {
    const [before, after] = [earlier[name], later[name]]
    if (after === undefined) return []
    const at = `${pointer}/${name}`
    if (before === undefined) return [{ pointer: at, detail: 'had no bound before' }]
    const narrower = MINIMA.some((min) => min === name) ? after > before : after < before
    return narrower ? [{ pointer: at, detail: `was ${before} before` }] : []
  })
}

function memberNarrowings (
  earlier: DataSchema, later: DataSchema, pointer: string
): Violation[] {
  const required = (later.required ?? [])
    .filter((name) => earlier.required?.includes(name) !== true)
    .map((name) => ({ pointer: `${pointer}/required`, detail: `${name} was not required before` }))
  if (later.additionalProperties !== false) return required
  if (earlier.additionalProperties !== false) {
    const at = `${pointer}/additionalProperties`
    return [...required, { pointer: at, detail: 'was true before' }]
  }
  const gone = Object.keys(earlier.properties ?? {})
    .filter((name) => memberOf(later.properties, name) === undefined)
    .map((name) => ({ pointer: `${pointer}/properties`, detail: `${name} was known before` }))
  return [...required, ...gone]
}

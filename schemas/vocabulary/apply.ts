import type { EventInput } from '../events/index.ts'
import { getAt, overlaps, type Violation } from '../pointer.ts'
import { ID_MAX_LENGTH, PERSONAL_PATHS_MAX } from '../primitives.ts'
import type { ActionSchema, PersonalRule } from './action-schema.ts'
import { checkData } from './data-schema.ts'

/** Where a good event does not fit its action's schema. */
export function misfits (schema: ActionSchema, event: EventInput): Violation[] {
  return event.category === schema.category
    ? checkData(schema.data ?? {}, event.data ?? {}, '/data')
    : [{ pointer: '/category', detail: `must be ${schema.category}: it is for this action` }]
}

/** An event with what is personal in it declared, and what nobody can say whose it is. */
export interface Declared {
  event: EventInput
  unowned: Violation[]
}

/**
 * Declares what an action's rules say is personal and the producer has not declared. Whose it is
 * the event says, or else the one that it corrects. What the event says stays as it was sent.
 * A place in the state before or after is also where the event's `changes` tell of that place.
 */
export function declarePersonal (
  rules: readonly PersonalRule[] = [], event: EventInput, corrected?: object
): Declared {
  const personal = [...event.personal ?? []]
  const unowned: Violation[] = []
  for (const { subject: { type, id: pointer }, paths } of rules) {
    const id = [event, corrected].map((said) => getAt(said, pointer)).find(isId)
    const places = paths.flatMap((path) => [path, ...placesInChanges(event, path)])
    const told = places.filter((path) =>
      getAt(event, path) !== undefined && !isDeclared(event, path, { type, id }))
    if (told.length === 0) continue
    if (id === undefined) {
      unowned.push({ pointer, detail: `must say whose data ${told.join(', ')} is` })
    } else {
      for (let at = 0; at < told.length; at += PERSONAL_PATHS_MAX) {
        personal.push({ subject: { type, id }, paths: told.slice(at, at + PERSONAL_PATHS_MAX) })
      }
    }
  }
  const declares = personal.length > (event.personal?.length ?? 0)
  return { event: declares ? { ...event, personal } : event, unowned }
}

/** Where an event's changes have what lies at a place of the state before or after them. */
function placesInChanges ({ changes = [] }: EventInput, place: string): string[] {
  const [, side, inside = ''] = /^\/(before|after)(\/.*)?$/s.exec(place) ?? []
  if (side === undefined) return []
  return changes.flatMap(({ path }, index) => {
    if (!overlaps(path, inside)) return []
    // Of what was changed as a whole only a part may be personal.
    const rest = inside.startsWith(`${path}/`) ? inside.slice(path.length) : ''
    return [`/changes/${index}/${side}${rest}`]
  })
}

function isId (value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= ID_MAX_LENGTH
}

/**
 * Whether the producer has declared the place, or one above it; or one inside it as another's, as
 * no place is sealed for two. What is inside it and the owner's leaves the rest to be declared.
 */
function isDeclared (
  { personal = [] }: EventInput, path: string, owner: { type: string, id: string | undefined }
): boolean {
  return personal.some(({ subject: { type, id }, paths }) => {
    const isOwners = type === owner.type && id === owner.id
    return paths.some((declared) =>
      overlaps(declared, path) && !(isOwners && declared.startsWith(`${path}/`)))
  })
}

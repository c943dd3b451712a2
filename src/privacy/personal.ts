import type { EventInput } from '../../schemas/events/index.ts'
import { getAt, nearestAbove } from '../../schemas/pointer.ts'
import type { SubjectRef } from '../../schemas/primitives.ts'
import { DEFAULT_PERSON_TYPES, type TenantSettings } from '../../schemas/tenant.ts'

/** What of an event is one person's data: the JSON Pointers are the same in event and record. */
export interface PersonalPart {
  subject: SubjectRef
  paths: string[]
}

const ACTOR_PATHS = ['/actor/id', '/actor/name', '/actor/email']
const CONTEXT_PATHS = ['/context/ip', '/context/userAgent', '/context/sessionId']
const DATA_PATHS = ['/data', '/before', '/after', '/changes', '/description']

/** A subject as the key of a Map; no two subjects share one. */
export function subjectKey ({ type, id }: SubjectRef): string {
  return JSON.stringify([type, id])
}

/** Whether entities of this type are persons for the tenant. Users always are: they also act. */
export function isPersonType (type: string, settings: TenantSettings): boolean {
  return type === 'user' || (settings.personTypes ?? DEFAULT_PERSON_TYPES).includes(type)
}

/**
 * The personal data of a checked event, one part for each subject, without overlap inside a part:
 * - a user who acts: id, name and email;
 * - entity and related entities of a person type: id and name;
 * - every declared `personal` path;
 * - address, agent and session it happened from, and with `sealData` data, before, after, changes
 *   and description: under the owner, the user who acts or else the person it happened to (whoever
 *   fails to sign in is nobody yet, but where from tells of whose account it is). Without either
 *   there is nobody to seal them for, and they stay in clear.
 * Only paths that exist in the event are named.
 */
export function personalParts (event: EventInput, settings: TenantSettings): PersonalPart[] {
  const parts = new Map<string, PersonalPart>()
  const add = (subject: SubjectRef, candidates: readonly string[]): void => {
    const paths = candidates.filter((path) => getAt(event, path) !== undefined)
    if (paths.length === 0) return
    const key = subjectKey(subject)
    const part = parts.get(key)
    if (part) part.paths.push(...paths)
    else parts.set(key, { subject: { type: subject.type, id: subject.id }, paths })
  }

  const people = persons(event, settings)
  for (const { subject, paths } of people) add(subject, paths)
  for (const { subject, paths } of event.personal ?? []) add(subject, paths)
  const owner = people.find(({ owns }) => owns)
  if (owner) {
    const owned = settings.sealData ? [...CONTEXT_PATHS, ...DATA_PATHS] : CONTEXT_PATHS
    add(owner.subject, owned.filter((path) => !isDeclared(event, path)))
  }
  return [...parts.values()].map(({ subject, paths }) => ({ subject, paths: outermost(paths) }))
}

/** What was declared somebody's as a whole stays theirs, not the owner's. */
function isDeclared (event: EventInput, path: string): boolean {
  return event.personal?.some(({ paths }) => paths.includes(path)) ?? false
}

interface Person extends PersonalPart {
  /** Whether what is nobody else's counts as theirs: the actor, or else the entity. */
  owns: boolean
}

function persons (event: EventInput, settings: TenantSettings): Person[] {
  const found: Person[] = []
  const { actor, entity, related = [] } = event
  if (actor.type === 'user') {
    found.push({ subject: { type: 'user', id: actor.id }, paths: ACTOR_PATHS, owns: true })
  }
  if (entity && isPersonType(entity.type, settings)) {
    found.push({ subject: entity, paths: ['/entity/id', '/entity/name'], owns: true })
  }
  for (const [index, other] of related.entries()) {
    if (!isPersonType(other.type, settings)) continue
    const at = `/related/${index}`
    found.push({ subject: other, paths: [`${at}/id`, `${at}/name`], owns: false })
  }
  return found
}

/** Without duplicates and without what lies inside another path of the same subject. */
function outermost (paths: readonly string[]): string[] {
  const all = new Set(paths)
  return [...all].filter((path) => nearestAbove(path, all) === undefined)
}

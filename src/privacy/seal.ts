import { edit, pointerDepth } from '../../schemas/pointer.ts'
import type { Actor, EntityRef } from '../../schemas/primitives.ts'
import type { RecordedData } from '../../schemas/recorded.ts'
import {
  sealSection, type Plain, type Random, type SectionPlace, type SubjectKey
} from './cipher.ts'
import { subjectKey, type PersonalPart } from './personal.ts'

/** The record of an event before sealing: everything in clear, as the producer sent it. */
export interface PlainRecord
  extends Omit<RecordedData, 'actor' | 'entity' | 'related' | 'sealed'> {
  actor: Actor
  entity?: EntityRef
  related?: EntityRef[]
}

export interface SealOptions {
  record: PlainRecord
  /** What personalParts found in the event. */
  parts: readonly PersonalPart[]
  /** subjectKey -> the subject's key, for every subject of the parts. */
  keys: ReadonlyMap<string, SubjectKey>
  /** The stream and the event's id, to which every section is bound. */
  stream: string
  id: string
  random?: Random
}

/** Where a sealed value leaves no member behind; everywhere else it leaves `null`. */
const ABSENT = /^\/(actor|entity|related|context)\//
const IDENTITY = /^(\/actor|\/entity|\/related\/\d+)\/id$/

/**
 * The record as the log may hold it: each part's values are gone, sealed under its subject's key,
 * and the persons in actor, entity and related are named by their ref. The input is not changed.
 * Throws for a subject without a key: nothing personal passes for want of one.
 */
export function sealRecord (options: SealOptions): RecordedData {
  const { record, parts, keys, stream, id, random } = options
  const place: SectionPlace = { tenant: record.tenant, stream, id }
  const subjects = parts.map(({ subject }) => {
    const key = keys.get(subjectKey(subject))
    if (key === undefined) throw new TypeError(`seal: no key for a subject of event ${id}`)
    const plain: Plain = {}
    return { key, plain }
  })

  const rest = edit(record)
  for (const { path, index } of innermostFirst(parts)) {
    const subject = subjects[index]
    const value = rest.get(path)
    if (subject === undefined || value === undefined) continue
    subject.plain[path] = value
    rest.set(path, ABSENT.test(path) ? undefined : null)
    const owner = IDENTITY.exec(path)?.[1]
    if (owner !== undefined) rest.set(`${owner}/ref`, subject.key.ref)
  }
  const sealed = subjects.filter(({ plain }) => Object.keys(plain).length > 0)
    .map(({ key, plain }) => sealSection(key, place, plain, random))
  if (sealed.length > 0) rest.set('/sealed', sealed)
  return rest.result() as RecordedData
}

interface Place {
  path: string
  /** Which part it belongs to. */
  index: number
  depth: number
}

/** A value inside another subject's value is taken out first, so each sees only its own. */
function innermostFirst (parts: readonly PersonalPart[]): Place[] {
  return parts
    .flatMap(({ paths }, index) => paths.map((path) => (
      { path, index, depth: pointerDepth(path) })))
    .sort((a, b) => b.depth - a.depth)
}

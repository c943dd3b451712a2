import { SHOWN } from '../../../projections/entries/view.ts'
import { edit, getAt, parsePointer } from '../../../schemas/pointer.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'
import { isObject } from '../../proof/leaf.ts'

/** A row of a list, by its members. */
export type ShownEvent = Readonly<Record<string, unknown>>

/** Where an event has something that is not known here: JSON Pointers, sorted. */
export interface Shape {
  /** Values that were sealed. */
  paths: readonly string[]
  /** Persons: who is named by a ref, or has something sealed. */
  parties: readonly string[]
}

const COLUMNS = [
  'id', 'stream', 'revision', 'position', 'action', 'category', 'outcome', 'leafHash',
  'correlationId', 'causationId'
]
const PARTY = /^\/(actor|entity|related\/\d+)(?=\/|$)/
/** What stands for a person: shown as name and all, or as nobody any more. */
const HIDDEN = ['sealed', 'erased', 'tampered']

/** What of an event is not known here. */
export function shapeOf ({ data }: DecodedEvent): Shape {
  const paths = (data.sealed ?? []).flatMap((section) => section.paths)
  const named = [
    '/actor', '/entity', ...(data.related ?? []).map((_, at) => `/related/${at}`)
  ].filter((party) => getAt(data, `${party}/ref`) !== undefined)
  const touched = paths.flatMap((path) => PARTY.exec(path)?.[0] ?? [])
  return { paths: [...new Set(paths)].sort(), parties: [...new Set([...named, ...touched])].sort() }
}

/** An event as a list has to show it, as far as that is known here. */
export function viewOf (event: DecodedEvent): ShownEvent {
  const { id, stream, revision, position, action, data, leafHash } = event
  const { correlationId, causationId } = event
  return {
    ...data,
    id,
    stream,
    action,
    correlationId,
    causationId,
    revision: String(revision),
    position: String(position),
    leafHash: leafHash.toString('hex')
  }
}

/** What of a row can be compared with the log. */
export interface Clear {
  /** All but what was sealed; of a party who is sealed the type. */
  rest: unknown
  /** Whether a party who is sealed has anything clear beside the type: the log never has. */
  isNamed: boolean
  /** Whether the ledger itself says that something sealed is not what it was. */
  isTampered: boolean
  /** The erasures by which the row explains that nobody is shown; '' for none. */
  erasures: ReadonlySet<string>
}

/** The clear parts of a row: the same of the log's event and of a row that shows it. */
export function clearOf (view: ShownEvent, { paths, parties }: Shape): Clear {
  const members = [...COLUMNS, ...SHOWN].filter((name) => view[name] !== undefined)
  const shown = edit(Object.fromEntries(members.map((name) => [name, view[name]])))
  const sealed = [...paths, ...parties].map((path) => shown.get(path))
  const isTampered = sealed.some((value) => isMarked(value, 'tampered'))
  const erasures = new Set(sealed.flatMap((value) =>
    isObject(value) && value['erased'] === true ? String(value['erasure'] ?? '') : []))
  for (const path of paths) {
    if (shown.get(path) === undefined || isHidden(shown.get(parentOf(path)))) continue
    shown.set(path, isAbsent(path) ? undefined : null)
  }
  let isNamed = false
  for (const party of parties) {
    const value = shown.get(party)
    if (!isObject(value)) continue
    const { type, ref: _, ...others } = value
    isNamed ||= Object.keys(others).length > 0 && !isHidden(value)
    shown.set(party, { type })
  }
  return { rest: shown.result(), isNamed, isTampered, erasures }
}

/** Where nothing is left of a sealed value; everywhere else it is `null`. */
function isAbsent (path: string): boolean {
  return PARTY.test(path) || parsePointer(path)[0] === 'context'
}

function parentOf (path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function isHidden (value: unknown): boolean {
  return HIDDEN.some((mark) => isMarked(value, mark))
}

function isMarked (value: unknown, mark: string): boolean {
  return isObject(value) && value[mark] === true
}

import { erasedValue, isErasedSection, type ErasedValue, type RowSection } from
  '../../schemas/hidden.ts'
import { edit, nearestAbove, pointerDepth, type Edit } from '../../schemas/pointer.ts'
import type { RecordedData } from '../../schemas/recorded.ts'
import { openSection, SectionTampered, type Plain, type SectionPlace } from './cipher.ts'

/**
 * Why a value is not shown: the reader may not see it; its person was erased; or it is not what
 * was sealed there, which somebody should look into.
 */
export type Hidden = { sealed: true } | ErasedValue | { tampered: true }

/** Who or what, as a reader sees it: named, or a Hidden that keeps its type. */
export interface OpenedParty {
  type: string
  id?: string
  name?: string
  email?: string
  sealed?: true
  erased?: true
  erasure?: string
  erasedAt?: string
  tampered?: true
}

/** A record with its sections opened; a value that could not be opened is a Hidden. */
export interface OpenedRecord extends Omit<
  RecordedData, 'actor' | 'entity' | 'related' | 'context' | 'description' | 'changes' | 'sealed'
> {
  actor: OpenedParty
  entity?: OpenedParty
  related?: OpenedParty[]
  context?: Record<string, string | Hidden>
  description?: string | Hidden | null
  changes?: unknown
}

/** Which sections a reader may see opened: all, none, or only those of these refs. */
export type Access = 'opened' | 'sealed' | ReadonlySet<string>

export interface PresentOptions {
  sections: readonly RowSection[]
  access: Access
  /** Data keys by ref, as the vault gave them; an absent one is an erased person's. */
  keys: ReadonlyMap<string, Buffer>
  place: SectionPlace
}

/** The refs whose keys presenting these sections will ask for, each once. */
export function refsToOpen (sections: readonly RowSection[], access: Access): string[] {
  const refs = sections.flatMap((section) => isErasedSection(section) ? [] : section.ref)
  return [...new Set(refs.filter((ref) => mayOpen(access, ref)))]
}

/**
 * A record, or the part of it that holds sealed values, as the reader may see it: opened values
 * in place, others replaced by a Hidden. Members that `head` lacks are not invented.
 */
export function presentHead (head: object, options: PresentOptions): object {
  const openings = options.sections.map((section) => ({ section, outcome: open(section, options) }))
  // Outermost first: a value inside another one can only be put back once that one is there.
  const values = openings
    .flatMap(({ section, outcome }) => section.paths.map((path) => ({ path, outcome })))
    .sort((a, b) => pointerDepth(a.path) - pointerDepth(b.path))
  const hidden = new Set<string>()
  const shown = edit(head)
  for (const { path, outcome } of values) {
    if (nearestAbove(path, hidden) !== undefined) continue
    put(shown, path, outcome)
    if ('hidden' in outcome) hidden.add(path)
  }
  return shown.result() as object
}

/**
 * The record with every section opened that has a key; values of a section without one are
 * `{ erased: true }`, and the person it named is `{ type, erased: true }`.
 */
export function openRecord (
  record: RecordedData,
  keys: ReadonlyMap<string, Buffer>,
  { stream, id }: { stream: string, id: string }
): OpenedRecord {
  const { sealed: sections = [], ...head } = record
  const place = { tenant: record.tenant, stream, id }
  return presentHead(head, { sections, access: 'opened', keys, place }) as OpenedRecord
}

type Outcome = { plain: Plain } | { hidden: Hidden }

/** Whether the reader may see a section of this person opened. */
export function mayOpen (access: Access, ref: string): boolean {
  return typeof access === 'string' ? access === 'opened' : access.has(ref)
}

function open (section: RowSection, { access, keys, place }: PresentOptions): Outcome {
  if (isErasedSection(section)) return { hidden: erasedValue(section) }
  if (!mayOpen(access, section.ref)) return { hidden: { sealed: true } }
  const dataKey = keys.get(section.ref)
  if (dataKey === undefined) return { hidden: { erased: true } }
  try {
    return { plain: openSection(dataKey, place, section) }
  } catch (err) {
    if (err instanceof SectionTampered) return { hidden: { tampered: true } }
    throw err
  }
}

const PARTY = /^(\/actor|\/entity|\/related\/\d+)\/(id|name|email)$/

function put (shown: Edit, path: string, outcome: Outcome): void {
  const [, party, member] = PARTY.exec(path) ?? []
  if (party === undefined) {
    if (!path.startsWith('/context/') && shown.get(path) === undefined) return
    shown.set(path, 'plain' in outcome ? outcome.plain[path] : outcome.hidden)
  } else if ('plain' in outcome) {
    if (member === 'id') shown.set(`${party}/ref`, undefined)
    shown.set(path, outcome.plain[path])
  } else if (shown.get(party) !== undefined) {
    shown.set(party, { type: shown.get(`${party}/type`), ...outcome.hidden })
  }
}

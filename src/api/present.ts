import type { EventRow } from '../../projections/entries/queries.ts'
import { isErasedSection, type RowSection } from '../../schemas/hidden.ts'
import { mayOpen, presentHead, refsToOpen, type Access } from '../privacy/open.ts'
import type { Vault } from '../privacy/vault.ts'
import type { Caller } from './auth.ts'
import type { ShownHeads } from './shown-heads.ts'

/** Whose data is opened: of `self` it is theirs, and all that is in what they did. */
export type Sight = Access | { self: string }

/** Whose personal data the caller may see: everybody's in the tenant, or as the key's subject. */
export function accessOf ({ roles, subjectRef }: Caller): Sight {
  if (roles.includes('auditor') || roles.includes('compliance')) return 'opened'
  return subjectRef === undefined ? 'sealed' : { self: subjectRef }
}

/** Who reads: in which tenant, and whose data opened. */
export interface Reader {
  tenant: string
  access: Sight
}

/** What events are opened with: the keys, and what they have opened lately. */
export interface Opener {
  vault: Pick<Vault, 'keys'>
  shownHeads: ShownHeads
}

/**
 * The JSON texts of events as the reader may see them. What is not sealed is spliced as it lies
 * in the row, never parsed; every data key is asked for once.
 */
export async function presentRows (
  { vault, shownHeads }: Opener, { tenant, access }: Reader, rows: readonly EventRow[]
): Promise<string[]> {
  const sections = rows.map(({ sealed }) => parseSections(sealed))
  const accesses = rows.map(({ head }) => accessTo(head, access))
  const refs = typeof access === 'string'
    ? refsToOpen(sections.flat(), access)
    : [...new Set(sections.flatMap((sealed, n) => refsToOpen(sealed, accesses[n] ?? 'sealed')))]
  const keys = refs.length === 0 ? NO_KEYS : await vault.keys(tenant, refs)
  return rows.map((row, index) => {
    const { body, head, stream, id } = row
    const sealed = sections[index] ?? []
    if (sealed.length === 0) return splice(body, head)
    const access = accesses[index] ?? 'sealed'
    const dataKeys = allKeys(sealed, keys, access)
    const known = dataKeys && shownHeads.get(dataKeys, row)
    if (known !== undefined) return splice(body, known)
    const place = { tenant, stream, id }
    const shown = presentHead(JSON.parse(head), { sections: sealed, access, keys, place })
    const text = JSON.stringify(shown)
    if (dataKeys !== undefined) shownHeads.put(dataKeys, row, text)
    return splice(body, text)
  })
}

const NO_KEYS: ReadonlyMap<string, Buffer> = new Map()

/** Whoever did something has seen it already: nothing in it is news to them. */
function accessTo (head: string, access: Sight): Access {
  if (typeof access === 'string' || !('self' in access)) return access
  const { actor }: { actor?: { ref?: string } } = JSON.parse(head)
  return actor?.ref === access.self ? 'opened' : new Set([access.self])
}

/** The keys that open all that is sealed of an event; undefined if some of it stays closed. */
function allKeys (
  sections: readonly RowSection[], keys: ReadonlyMap<string, Buffer>, access: Access
): Buffer[] | undefined {
  const found: Buffer[] = []
  for (const section of sections) {
    if (isErasedSection(section) || !mayOpen(access, section.ref)) return undefined
    const dataKey = keys.get(section.ref)
    if (dataKey === undefined) return undefined
    found.push(dataKey)
  }
  return found
}

function parseSections (sealed: string | null): RowSection[] {
  return sealed === null ? [] : JSON.parse(sealed)
}

/** `{` + the body's members + the head's members + `}`; the body is never empty. */
function splice (body: string, head: string): string {
  return head === '{}' ? `{${body}}` : `{${body},${head.slice(1)}`
}

import type { EventRow } from '../../projections/entries/queries.ts'
import { isErasedSection, type RowSection } from '../../schemas/hidden.ts'
import { presentHead, refsToOpen, type Access } from '../privacy/open.ts'
import type { Vault } from '../privacy/vault.ts'
import type { Caller } from './auth.ts'
import type { ShownHeads } from './shown-heads.ts'

/** Whose personal data the caller may see: everybody's in the tenant, or the key's subject's. */
export function accessOf ({ roles, subjectRef }: Caller): Access {
  if (roles.includes('auditor') || roles.includes('compliance')) return 'opened'
  return subjectRef === undefined ? 'sealed' : new Set([subjectRef])
}

/** Who reads: in which tenant, and whose data opened. */
export interface Reader {
  tenant: string
  access: Access
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
  const refs = refsToOpen(sections.flat(), access)
  const keys = refs.length === 0 ? NO_KEYS : await vault.keys(tenant, refs)
  return rows.map((row, index) => {
    const { body, head, stream, id } = row
    const sealed = sections[index] ?? []
    if (sealed.length === 0) return splice(body, head)
    const dataKeys = allKeys(sealed, keys)
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

/** The keys that open all that is sealed of an event; undefined if some of it stays closed. */
function allKeys (
  sections: readonly RowSection[], keys: ReadonlyMap<string, Buffer>
): Buffer[] | undefined {
  const found: Buffer[] = []
  for (const section of sections) {
    const dataKey = isErasedSection(section) ? undefined : keys.get(section.ref)
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

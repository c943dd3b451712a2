import type { DecodedEvent, RecordedData, SealedSection } from '../../schemas/recorded.ts'
import { parsePointer } from '../../schemas/pointer.ts'

/** An event as `entry` keeps it for showing. */
export interface StoredView {
  body: string
  head: string | null
  sealed: string | null
}

/** Members of the record that a reader sees under the same name; the others are columns. */
export const SHOWN = [
  'actor', 'entity', 'related', 'occurredAt', 'recordedAt', 'source', 'description', 'tags',
  'context', 'before', 'after', 'changes', 'data'
] as const satisfies ReadonlyArray<keyof RecordedData>

/**
 * Splits the event into JSON texts, so that a page is put together without parsing what nobody
 * has to open. `body` is never empty: the times are never sealed.
 */
export function storedView (event: DecodedEvent): StoredView {
  const { data, correlationId, causationId } = event
  const sections = data.sealed ?? []
  const paths = sections.flatMap((section) => section.paths)
  const touched = new Set(paths.map((path) => parsePointer(path)[0]))
  const body: Record<string, unknown> = { correlationId, causationId }
  const head: Record<string, unknown> = {}
  for (const name of SHOWN) (touched.has(name) ? head : body)[name] = data[name]
  const headText = JSON.stringify(head)
  return {
    body: JSON.stringify(body).slice(1, -1),
    head: headText === '{}' ? null : headText,
    sealed: sections.length === 0 ? null : JSON.stringify(sections)
  }
}

/** The clear value, or else the tag by which the sealed one is found, or null. */
export function findable (data: RecordedData, member: 'ip' | 'sessionId'): string | null {
  const path = `/context/${member}`
  return data.context?.[member] ?? tagOf(data.sealed, path) ?? null
}

function tagOf (sections: readonly SealedSection[] = [], path: string): string | undefined {
  return sections.find(({ find }) => find?.[path] !== undefined)?.find?.[path]
}

/** What a section of the log does to the index: the same whether it is written or found. */
import type { Section } from './frame.ts'
import { isMetastream, originalOf, parseSettings } from './settings.ts'
import type { StreamIndex } from './stream-index.ts'

/** A section as the index needs it: the data of its last event only matters for metadata. */
export interface AppliedSection {
  readonly stream: string
  readonly tombstone?: boolean
  readonly events?: Section['events']
  readonly lastData?: Buffer
}

/** Adds the events of a section, which lie at `positions`, to the index. */
export function applySection (
  index: StreamIndex, section: AppliedSection, positions: readonly number[]
): void {
  const entry = index.getOrCreate(section.stream)
  const last = positions.at(-1)
  if (last === undefined) return
  if (section.tombstone === true) {
    entry.tombstone = last
    return
  }
  for (const position of positions) entry.tail.push(position)
  if (!isMetastream(section.stream)) return
  const data = section.lastData ?? section.events?.at(-1)?.data
  if (data === undefined) return
  const original = index.getOrCreate(originalOf(section.stream))
  original.settings = parseSettings(Buffer.from(data))
  original.settingsPosition = last
}

/** Putting sections into the log and the index, and waking those who wait for them. */
import { buildFrame, type Section } from '../storage/frame.ts'
import type { Log } from '../storage/log.ts'
import { applySection } from '../storage/apply.ts'
import { createKnownIds, type KnownIds } from './known-ids.ts'
import type { StreamIndex } from '../storage/stream-index.ts'
import { ALL_STREAMS, createWakeups, type Wakeups } from './wakeups.ts'

/** The state that everything which writes shares. */
export interface Writer {
  readonly log: Log
  readonly index: StreamIndex
  readonly known: KnownIds
  readonly wakeups: Wakeups
  readonly now: () => number
  /**
   * Writes the sections of one call as one frame. The index has them at once; the promise settles
   * when they are durable, with the position of the first section's last event.
   */
  write (sections: readonly Section[]): Promise<number>
}

/** A writer for an open log and its index; `now` is in ms since 1970. */
export function createWriter (log: Log, index: StreamIndex, now: () => number): Writer {
  const known = createKnownIds()
  const wakeups = createWakeups()
  const changed: { readonly stream: string, readonly end: number }[] = []

  log.onDurable(() => {
    wakeups.wake(ALL_STREAMS)
    const later = changed.findIndex((change) => change.end > log.durableEnd)
    const durable = changed.splice(0, later < 0 ? changed.length : later)
    for (const { stream } of durable) wakeups.wake(stream)
  })

  async function write (sections: readonly Section[]): Promise<number> {
    const place = { offset: log.writeEnd, durable: log.durableEnd, createdMs: now() }
    const frame = buildFrame(sections, place)
    index.mark(place.offset)
    sections.forEach((section, i) => {
      applySection(index, section, frame.positions[i] ?? [])
      remember(known, section)
      changed.push({ stream: section.stream, end: place.offset + frame.bytes.length })
    })
    await log.append(frame.bytes)
    return frame.positions[0]?.at(-1) ?? 0
  }

  return { log, index, known, wakeups, now, write }
}

function remember (known: KnownIds, section: Section): void {
  if (section.tombstone === true) return
  section.events.forEach((event, i) => {
    known.add(event.id, section.stream, section.firstRevision + i)
  })
}

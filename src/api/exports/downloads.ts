import { tenantOf, type Caller } from '../auth.ts'
import type { RecordOwn } from '../own-events.ts'
import { downloadedEvent } from './events.ts'

/** Downloads of one export by one key in so long are one event: a resumption is no other reader. */
export const DOWNLOAD_WINDOW_MS = 10 * 60_000
const DOWNLOADS_TRACKED_MAX = 10_000

/** Which bytes of which export leave: those from `from` on, of what has this digest. */
export interface Leaving {
  id: string
  /** Of the persons whom it was asked for by name. */
  refs: readonly string[]
  sha256: string
  from: number
}

/** Puts a download on record before it begins; throws when the log does not take that. */
export type RecordDownload = (caller: Caller, leaving: Leaving) => Promise<void>

interface Window {
  since: number
  /** Downloads since the last event. */
  pending: number
}

/** Coalesces per key and digest. `now` is in milliseconds since 1970. */
export function createDownloads (record: RecordOwn, now: () => number): RecordDownload {
  const windows = new Map<string, Window>()

  return async (caller, { id, refs, sha256, from }) => {
    const place = `${caller.keyId} ${id} ${sha256}`
    const window = windows.get(place)
    if (window !== undefined && now() - window.since < DOWNLOAD_WINDOW_MS) {
      window.pending++
      return
    }
    const times = 1 + (window?.pending ?? 0)
    await record(tenantOf(caller), [downloadedEvent({ id, refs }, caller, { sha256, from, times })])
    windows.delete(place)
    windows.set(place, { since: now(), pending: 0 })
    const [oldest] = windows.keys()
    if (windows.size > DOWNLOADS_TRACKED_MAX && oldest !== undefined) windows.delete(oldest)
  }
}

import { tenantOf, type Caller } from '../auth.ts'
import { ONCE, type Coalesced } from '../coalesce.ts'
import { downloadedEvent } from './events.ts'

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

/** Counts downloads by key and digest: a resumption is no other reader. */
export function createDownloads (coalesced: Coalesced): RecordDownload {
  return async (caller, { id, refs, sha256, from }) => {
    const key = `download ${caller.keyId} ${id} ${sha256}`
    await coalesced.tell(key, ONCE, async () => ({
      tenant: tenantOf(caller),
      say: ({ times }) => downloadedEvent({ id, refs }, caller, { sha256, from, times })
    }))
  }
}

import { setTimeout as sleep } from 'node:timers/promises'

/** What is sealing with keys that the vault has handed out, or has asked it for some. */
export interface InUse {
  /** Counts the work until it is settled. */
  add (work: Promise<unknown>): void
  /** Resolves when all that is counted at this moment is settled, or after `atMostMs`. */
  settled (): Promise<void>
}

/** Nothing is in use at first. */
export function createInUse (atMostMs: number): InUse {
  const working = new Set<Promise<unknown>>()
  return {
    add (work) {
      working.add(work)
      const end = (): void => { working.delete(work) }
      work.then(end, end)
    },
    async settled () {
      if (working.size === 0) return
      const enough = new AbortController()
      const all = Promise.allSettled(working).then(() => { enough.abort() })
      const waited = sleep(atMostMs, undefined, { signal: enough.signal, ref: false })
      await Promise.race([all, waited.catch(() => {})])
    }
  }
}

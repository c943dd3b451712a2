/** Who waits for the next event of a stream, or of any stream. */
export interface Wakeups {
  /** Settles at the next wake-up of the key, or when the signal aborts. */
  wait (key: string, signal: AbortSignal): Promise<void>
  wake (key: string): void
}

/** The key of those who wait for anything at all. */
export const ALL_STREAMS = '$all'

/** Nobody waits yet. */
export function createWakeups (): Wakeups {
  const waiting = new Map<string, Set<() => void>>()

  function wait (key: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const waiters = waiting.get(key) ?? new Set()
      waiting.set(key, waiters)
      const done = () => {
        signal.removeEventListener('abort', done)
        waiters.delete(done)
        if (waiters.size === 0 && waiting.get(key) === waiters) waiting.delete(key)
        resolve()
      }
      signal.addEventListener('abort', done)
      waiters.add(done)
    })
  }

  return {
    wait,
    wake (key) {
      const waiters = waiting.get(key)
      if (waiters === undefined) return
      waiting.delete(key)
      for (const done of [...waiters]) done()
    }
  }
}

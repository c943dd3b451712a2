import { setTimeout as sleep } from 'node:timers/promises'

const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 5_000
/** A part that ran this long has recovered: its next restart is quick again. */
const STEADY_AFTER_MS = 30_000

/** Something that runs beside us until it is stopped or ends by itself. */
export interface Service {
  /** Settles when it has ended, with a word on how if that is known. */
  exited: Promise<unknown>
  stop: () => Promise<void>
}

export interface Supervised {
  /** Stops the service for good and waits until it is gone. */
  stop: () => Promise<void>
}

/**
 * Starts a service and starts it again whenever it ends by itself, with back-off. Resolves when
 * it runs the first time; throws what the first start throws. `say` is told of every restart.
 */
export async function supervise (
  name: string, start: () => Promise<Service>, say: (said: string) => void
): Promise<Supervised> {
  const stopping = new AbortController()
  let service: Service | undefined = await start()

  const keepAlive = async (): Promise<void> => {
    let backoffMs = BACKOFF_FIRST_MS
    while (!stopping.signal.aborted) {
      const startedAt = Date.now()
      const how = await service?.exited
      if (stopping.signal.aborted) return
      if (service !== undefined && Date.now() - startedAt > STEADY_AFTER_MS) {
        backoffMs = BACKOFF_FIRST_MS
      }
      if (service !== undefined) say(`${name} ended${word(how)}; starting it again`)
      await sleep(backoffMs, undefined, { signal: stopping.signal }).catch(() => {})
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)
      service = stopping.signal.aborted ? undefined : await startAgain()
    }
  }
  const startAgain = async (): Promise<Service | undefined> => {
    try {
      return await start()
    } catch (err) {
      say(`${name} does not start: ${err instanceof Error ? err.message : String(err)}`)
      return undefined
    }
  }
  const kept = keepAlive()
  return {
    stop: async () => {
      stopping.abort()
      await service?.stop()
      await kept
      await service?.stop()
    }
  }
}

function word (how: unknown): string {
  return typeof how === 'string' ? ` (${how})` : ''
}

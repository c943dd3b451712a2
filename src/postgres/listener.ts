import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from './pool.ts'

export const RECONNECT_MS = 500

export interface ListenerOptions {
  pool: Pool
  channel: string
  /** From now on every notification arrives. */
  onUp: () => void
  /** Notifications may be missed until the next onUp. */
  onDown: () => void
  onNotification: (payload: string) => void
}

export interface Listener {
  /** Stops listening and gives the connection back; onDown has been called when it is done. */
  close (): Promise<void>
}

/**
 * Keeps one connection of the pool listening, for as long as it is not closed; a lost connection
 * is replaced every RECONNECT_MS. The channel's name comes from a constant, never from a request.
 */
export function startListener (options: ListenerOptions): Listener {
  const stop = new AbortController()
  const stopped = run(options, stop.signal)
  return {
    async close () {
      stop.abort()
      await stopped
    }
  }
}

async function run (options: ListenerOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // Whatever ended it (refused, lost, closed), the answer is the same: try again, unless closed.
    await listenOnce(options, signal).catch(() => {})
    options.onDown()
    await sleep(RECONNECT_MS, undefined, { signal, ref: false }).catch(() => {})
  }
}

/** Listens until the connection is lost or the signal says stop. */
async function listenOnce (options: ListenerOptions, signal: AbortSignal): Promise<void> {
  const { pool, channel, onUp, onNotification } = options
  const client = await pool.connect()
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => { end = resolve })
  client.once('error', end)
  client.once('end', end)
  signal.addEventListener('abort', end)
  try {
    if (signal.aborted) return
    client.on('notification', ({ payload = '' }) => { onNotification(payload) })
    // A server that does not answer must not keep close() waiting.
    const answered = await Promise.race([client.query(`listen ${channel}`), ended])
    if (answered === undefined || signal.aborted) return
    onUp()
    await ended
  } finally {
    signal.removeEventListener('abort', end)
    // Destroyed rather than reused: nobody else wants a connection that listens.
    client.release(true)
  }
}

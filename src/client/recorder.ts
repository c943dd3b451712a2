import type { Client } from './client.ts'
import type { EventInput } from './event.ts'

export interface RecorderOptions {
  client: Pick<Client, 'offer'>
  /** Told of what this could not make an event of: a function of yours that threw, say. */
  onError?: (error: unknown) => void
}

/** Records what happens inside of somebody's request, and never lets them feel it. */
export interface Recorder {
  /** Offers what is made; undefined: nothing. */
  record (make: () => EventInput | undefined): void
  /** What is asked for, undefined if asking throws. */
  attempt<T> (ask: () => T): T | undefined
}

/** A recorder whose errors are told to `onError`; without that they are process warnings. */
export function createRecorder ({ client, onError = warn }: RecorderOptions): Recorder {
  function attempt<T> (ask: () => T): T | undefined {
    try {
      return ask()
    } catch (error) {
      try {
        onError(error)
      } catch {
        // Nobody is left to tell.
      }
      return undefined
    }
  }

  return {
    attempt,
    record (make) {
      attempt(() => {
        const event = make()
        if (event !== undefined) client.offer(event)
      })
    }
  }
}

function warn (error: unknown): void {
  process.emitWarning(`a call could not be recorded: ${String(error)}`, 'AuditLedgerWarning')
}

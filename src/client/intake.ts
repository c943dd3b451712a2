import { uuidv7 } from 'uuidv7'
import { encode } from './encode.ts'
import {
  entryOf, eventOf, outcomeOf, settle, type Entry, type Outcome
} from './entry.ts'
import { AbortedError, BufferFullError, ClosedError } from './errors.ts'
import type { EventInput } from './event.ts'
import type { Settings } from './options.ts'
import type { Queue } from './queue.ts'

/** Where events come in, one by one, as long as it is open. */
export interface Intake {
  /**
   * Takes an event whose outcome somebody awaits. Throws UnsendableError, BufferFullError,
   * ClosedError, AbortedError.
   */
  take (event: EventInput, signal: AbortSignal | undefined): Taken
  /** Takes an event that nobody awaits, and answers when it is in the queue. Throws the same. */
  record (event: EventInput): Taken['room']
  /** Takes an event if there is room now. Throws UnsendableError. */
  offer (event: EventInput): boolean
  close (): void
  /** What was taken and has no outcome yet, whether it is in the queue or waits for that. */
  readonly unsettled: ReadonlySet<Entry>
  /** Events for which there was no room. */
  readonly dropped: number
}

/** An event that was taken. */
export interface Taken {
  /** Resolves when it is in the queue; undefined: it is. */
  room: Promise<void> | undefined
  outcome: Promise<Outcome>
}

interface IntakeDeps {
  settings: Pick<Settings, 'now' | 'buffer'>
  queue: Queue
  onQueued: () => void
  onSettled: (entry: Entry, outcome: Outcome) => void
}

/** An intake before a queue. */
export function createIntake ({ settings, queue, onQueued, onSettled }: IntakeDeps): Intake {
  const unsettled = new Set<Entry>()
  let isOpen = true
  let dropped = 0

  const encoding = { now: settings.now, newId: uuidv7 }

  function release (entry: Entry, outcome: Outcome): void {
    unsettled.delete(entry)
    queue.release(entry)
    onSettled(entry, outcome)
  }

  function entryFor (event: EventInput, awaited: boolean): Entry {
    return entryOf(encode(event, encoding), awaited, release)
  }

  function admit (entry: Entry): Promise<void> | undefined {
    if (queue.offer(entry)) {
      unsettled.add(entry)
      onQueued()
      return undefined
    }
    const room = settings.buffer.whenFull === 'wait' ? queue.wait(entry) : undefined
    if (room === undefined) {
      dropped++
      throw new BufferFullError('the buffer is full', eventOf(entry))
    }
    unsettled.add(entry)
    return room.then(onQueued)
  }

  function requireOpen (event: EventInput): void {
    if (!isOpen) throw new ClosedError('the client is closed', event)
  }

  return {
    take (event, signal) {
      requireOpen(event)
      if (signal?.aborted === true) throw aborted(event, signal)
      const entry = entryFor(event, true)
      const room = admit(entry)
      return { room, outcome: signal === undefined ? outcomeOf(entry) : abortable(entry, signal) }
    },
    record (event) {
      requireOpen(event)
      return admit(entryFor(event, false))
    },
    offer (event) {
      const entry = isOpen ? entryFor(event, false) : undefined
      if (entry === undefined || !queue.offer(entry)) {
        dropped++
        return false
      }
      unsettled.add(entry)
      onQueued()
      return true
    },
    close () { isOpen = false },
    unsettled,
    get dropped () { return dropped }
  }
}

function aborted (event: EventInput, signal: AbortSignal): AbortedError {
  return new AbortedError('the call was aborted', event, signal.reason)
}

/** The entry's outcome, which is that it was aborted if the signal says so first. */
async function abortable (entry: Entry, signal: AbortSignal): Promise<Outcome> {
  const abort = (): void => {
    settle(entry, { ok: false, error: aborted(eventOf(entry), signal) })
  }
  signal.addEventListener('abort', abort)
  try {
    return await outcomeOf(entry)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

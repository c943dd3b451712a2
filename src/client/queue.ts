import type { Entry } from './entry.ts'

/** Calls that may wait for room at the same time; beyond, they are turned away. */
export const WAITING_MAX = 10_000

/** Entries in the order in which they were given, bounded until they are settled. */
export interface Queue {
  /** Takes the entry if there is room and nobody waits. */
  offer (entry: Entry): boolean
  /** Resolves when the entry was taken; undefined: too many wait already. */
  wait (entry: Entry): Promise<void> | undefined
  /** The next entries, in order, as many as one request may hold. */
  take (limits: Limits): Entry[]
  /** An entry was settled: there is room, and whoever waits moves up. */
  release (entry: Entry): void
  /** Whether somebody waits for what is unsent, or it is as much as one request may hold. */
  isReady (limits: Limits): boolean
  /** What is not settled, without those who wait for room. */
  readonly held: number
  readonly heldBytes: number
  /** Who waits for room. */
  readonly waiting: number
  /** What is held and not taken yet, in order. */
  readonly unsent: ReadonlySet<Entry>
}

interface Limits {
  events: number
  bytes: number
}

interface Waiter {
  entry: Entry
  admit: () => void
}

/** An empty queue with room for so many events and bytes. */
export function createQueue (room: Limits): Queue {
  const held = new Set<Entry>()
  let heldBytes = 0
  const unsent = new Set<Entry>()
  let unsentBytes = 0
  let unsentAwaited = 0
  let waiters: Waiter[] = []

  const fits = ({ bytes }: Entry): boolean => {
    return held.size < room.events && heldBytes + bytes <= room.bytes
  }

  function admit (entry: Entry): void {
    held.add(entry)
    heldBytes += entry.bytes
    unsent.add(entry)
    unsentBytes += entry.bytes
    if (entry.awaited) unsentAwaited++
  }

  function forget (entry: Entry): void {
    if (!unsent.delete(entry)) return
    unsentBytes -= entry.bytes
    if (entry.awaited) unsentAwaited--
  }

  function moveUp (): void {
    let count = 0
    for (const { entry, admit: told } of waiters) {
      if (entry.outcome === undefined) {
        if (!fits(entry)) break
        admit(entry)
      }
      told()
      count++
    }
    if (count > 0) waiters = waiters.slice(count)
  }

  return {
    offer (entry) {
      if (waiters.length > 0 || !fits(entry)) return false
      admit(entry)
      return true
    },
    wait (entry) {
      if (waiters.length >= WAITING_MAX) return undefined
      return new Promise((resolve) => { waiters.push({ entry, admit: resolve }) })
    },
    take ({ events, bytes }) {
      const taken: Entry[] = []
      // An array of n has two brackets and n - 1 commas.
      let size = 1
      for (const entry of unsent) {
        size += entry.bytes + 1
        if (taken.length === events || size > bytes) break
        taken.push(entry)
      }
      for (const entry of taken) forget(entry)
      return taken
    },
    release (entry) {
      forget(entry)
      if (held.delete(entry)) heldBytes -= entry.bytes
      moveUp()
    },
    isReady: ({ events, bytes }) => {
      return unsentAwaited > 0 || unsent.size >= events || unsentBytes >= bytes
    },
    get held () { return held.size },
    get heldBytes () { return heldBytes },
    get waiting () { return waiters.length },
    unsent
  }
}

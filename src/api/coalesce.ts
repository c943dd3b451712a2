import { setTimeout as sleep } from 'node:timers/promises'
import { grouped } from '../../projections/keys.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import type { RecordOwn } from './own-events.ts'

/** What is repeated within so long is told as one event. */
export const WINDOW_MS = 600_000
/** Windows that are open at once; beyond, the oldest is told early. */
export const WINDOWS_MAX = 10_000
/** How often it is looked for windows that are over. */
const SWEEP_MS = 5_000
/** Events that are told in one go. */
const TOLD_TOGETHER = 500
/** A server that stops waits so long for the log; a process that ends has ten seconds in all. */
const CLOSE_WAIT_MS = 4_000

/** What an event stands for: how often it happened, and how many events were given out. */
export interface Tally {
  times: number
  rows: number
}

/** It happened, and gave nothing out that could be counted. */
export const ONCE: Tally = { times: 1, rows: 0 }

/** In whose history it is told, and how it is said of so many. */
export interface Telling {
  tenant: string
  say: (tally: Tally) => EventInput
}

/** Tells of many alike as of one. */
export interface Coalesced {
  /**
   * The first of a key is on record before this resolves, and throws what the log says if it is
   * not; what follows within WINDOW_MS is counted. `describe` is asked for the first alone.
   */
  tell (key: string, tally: Tally, describe: () => Promise<Telling>): Promise<void>
  /** Tells of every window that is over. */
  sweep (): Promise<void>
  /** Tells of every window. */
  close (): Promise<void>
}

export interface CoalescedOptions {
  record: RecordOwn
  /** Milliseconds since 1970. */
  now: () => number
  newId: () => string
  /** Hears why a count could not be recorded; it is tried again. */
  failed: (err: unknown) => void
  windowsMax?: number
}

interface Window extends Tally {
  since: number
  /** undefined until the first is on record. */
  telling: Telling | undefined
  opening: Promise<void>
}

/** A count on its way: its id is settled, so that it is recorded once however often it is tried. */
interface Untold {
  tenant: string
  event: EventInput
}

/** Windows of one process; another one counts by itself. */
export function createCoalesced (options: CoalescedOptions): Coalesced {
  const { now, windowsMax = WINDOWS_MAX } = options
  // A Map keeps the order of insertion: the oldest window comes first.
  const windows = new Map<string, Window>()
  const untold = createUntold(options)

  const end = (key: string, { telling, times, rows }: Window): void => {
    // One that is being opened stays: who waits for it counts on it.
    if (telling === undefined) return
    windows.delete(key)
    if (times + rows === 0) return
    const event = { ...telling.say({ times, rows }), id: options.newId() }
    untold.add({ tenant: telling.tenant, event })
  }
  const isOver = ({ since, telling }: Window): boolean =>
    telling !== undefined && now() - since >= WINDOW_MS

  const open = async (
    key: string, tally: Tally, describe: () => Promise<Telling>
  ): Promise<void> => {
    const window: Window = {
      since: now(), times: 0, rows: 0, telling: undefined, opening: Promise.resolve()
    }
    windows.set(key, window)
    window.opening = describe().then(async (telling) => {
      await options.record(telling.tenant, [telling.say(tally)])
      window.telling = telling
    })
    try {
      await window.opening
    } catch (err) {
      windows.delete(key)
      throw err
    }
    const [oldest] = windows
    if (windows.size <= windowsMax || oldest === undefined) return
    end(...oldest)
    untold.tell().catch(options.failed)
  }

  const sweep = async (): Promise<void> => {
    for (const [key, window] of windows) {
      if (!isOver(window)) break
      end(key, window)
    }
    await untold.tell()
  }
  const timer = setInterval(() => { sweep().catch(options.failed) }, SWEEP_MS).unref()

  return {
    sweep,
    async tell (key, tally, describe) {
      const window = windows.get(key)
      if (window === undefined || isOver(window)) {
        if (window !== undefined) end(key, window)
        await open(key, tally, describe)
        return
      }
      // Counted first: as soon as the window is open it can end. If it fails, so does this.
      window.times += tally.times
      window.rows += tally.rows
      if (window.telling === undefined) await window.opening
    },
    async close () {
      clearInterval(timer)
      for (const [key, window] of windows) end(key, window)
      const waited = sleep(CLOSE_WAIT_MS, undefined, { ref: false }).then(() => {
        throw new Error('the log took too long to take what was counted')
      })
      waited.catch(() => {})
      await Promise.race([untold.tell(), waited]).catch(options.failed)
    }
  }
}

interface UntoldCounts {
  add (count: Untold): void
  /** Records what was added until now. */
  tell (): Promise<void>
}

/** No more than there were windows when the log went away: without it no window is opened. */
function createUntold ({ record }: CoalescedOptions): UntoldCounts {
  const untold = new Set<Untold>()
  let telling: Promise<void> = Promise.resolve()

  const tellAll = async (): Promise<void> => {
    const tenants = grouped(untold, ({ tenant }) => tenant)
    for (const [tenant, counts] of tenants) {
      for (let from = 0; from < counts.length; from += TOLD_TOGETHER) {
        const some = counts.slice(from, from + TOLD_TOGETHER)
        await record(tenant, some.map(({ event }) => event))
        for (const count of some) untold.delete(count)
      }
    }
  }

  return {
    add (count) { untold.add(count) },
    async tell () {
      telling = telling.catch(() => {}).then(tellAll)
      await telling
    }
  }
}

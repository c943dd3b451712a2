import { LedgerError } from '../errors.ts'
import { isUnavailable } from '../postgres/errors.ts'

/** An answer is taken without asking again for so long. */
export const FRESH_MS = 5_000
/** While the database cannot be asked, what it said last stands for so long. */
export const STALE_MS = 60_000
const ENTRIES_MAX = 10_000

/** What the database said lately, asked at most once in five seconds for each name. */
export interface Recent<Value> {
  /** Throws DATABASE_UNAVAILABLE when it cannot be asked and there is no recent answer. */
  get (name: string): Promise<Value>
  /** A change that was made here is seen here at once. */
  forget (name: string): void
}

interface Entry<Value> {
  value: Value
  at: number
}

/** Remembers answers of `load`; however many ask for one name at once, it is loaded once. */
export function createRecent<Value> (
  load: (name: string) => Promise<Value>, now: () => number, freshMs = FRESH_MS
): Recent<Value> {
  const entries = new Map<string, Entry<Value>>()
  const loading = new Map<string, Promise<Value>>()
  let forgets = 0

  const ask = async (name: string, known: Entry<Value> | undefined): Promise<Value> => {
    const asOf = forgets
    try {
      const value = await load(name)
      // What was asked before a change may not know of it.
      if (asOf !== forgets) return value
      entries.delete(name)
      entries.set(name, { value, at: now() })
      const [oldest] = entries.keys()
      if (entries.size > ENTRIES_MAX && oldest !== undefined) entries.delete(oldest)
      return value
    } catch (cause) {
      if (!isUnavailable(cause)) throw cause
      if (known !== undefined && now() - known.at < STALE_MS) return known.value
      throw new LedgerError('DATABASE_UNAVAILABLE', 'the database cannot be asked', {
        cause, retryAfterS: 1
      })
    }
  }

  return {
    async get (name) {
      const known = entries.get(name)
      if (known !== undefined && now() - known.at < freshMs) return known.value
      const underway = loading.get(name)
      if (underway !== undefined) return await underway
      const started = ask(name, known).finally(() => {
        if (loading.get(name) === started) loading.delete(name)
      })
      loading.set(name, started)
      return await started
    },
    forget (name) {
      forgets++
      entries.delete(name)
      loading.delete(name)
    }
  }
}

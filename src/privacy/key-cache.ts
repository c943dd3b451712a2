/** A bounded memory that forgets by age, and what was unused for longest when it is full. */
export interface KeyCache<Value> {
  get (key: string): Value | undefined
  set (key: string, value: Value): void
  delete (key: string): void
  clear (): void
  /** Lets go of what is too old, whether or not somebody asks for it. */
  expire (): void
}

export interface KeyCacheOptions {
  max: number
  ttlMs: number
  /** Milliseconds of a clock that never goes back. */
  now: () => number
}

/** An empty cache. An entry lives `ttlMs` from when it was set, however often it is used. */
export function createKeyCache<Value> ({ max, ttlMs, now }: KeyCacheOptions): KeyCache<Value> {
  // A Map keeps the order of insertion: the first entry is the one unused for longest.
  const entries = new Map<string, { value: Value, until: number }>()
  return {
    get (key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      if (entry.until <= now()) return undefined
      entries.set(key, entry)
      return entry.value
    },
    set (key, value) {
      entries.delete(key)
      entries.set(key, { value, until: now() + ttlMs })
      if (entries.size <= max) return
      const [oldest] = entries.keys()
      if (oldest !== undefined) entries.delete(oldest)
    },
    expire () {
      const time = now()
      for (const [key, { until }] of entries) if (until <= time) entries.delete(key)
    },
    delete: (key) => { entries.delete(key) },
    clear: () => { entries.clear() }
  }
}

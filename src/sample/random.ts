/** Seeded randomness: the same seed tells the same stories on every machine. */
export interface Random {
  /** In [0, 1). */
  next: () => number
  /** Whole number in [low, high]. */
  between: (low: number, high: number) => number
  pick: <T>(items: readonly [T, ...T[]]) => T
  chance: (probability: number) => boolean
  /** A UUID (version 8, RFC 9562 section 5.8) from this sequence. */
  uuid: () => string
}

const UINT32 = 0x1_0000_0000

/** A generator with 32 bits of state (mulberry32): fast, and good enough for samples. */
export function seededRandom (seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / UINT32
  }
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  const hex = (digits: number): string => {
    return Array.from({ length: digits }, () => between(0, 15).toString(16)).join('')
  }
  return {
    next,
    between,
    pick: (items) => items[between(0, items.length - 1)] ?? items[0],
    chance: (probability) => next() < probability,
    uuid: () => `${hex(8)}-${hex(4)}-8${hex(3)}-a${hex(3)}-${hex(12)}`
  }
}

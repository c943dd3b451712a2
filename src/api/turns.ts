/** Runs work when it is its turn. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T>

/** Turns for at most `max` works at once, first come, first served. */
export function createTurns (max: number): Turn {
  const waiting: Array<() => void> = []
  let free = max
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => { waiting.push(resolve) })
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}

/** Bounds of a wait, in milliseconds. */
export interface Waiting {
  atLeastMs: number
  atMostMs: number
}

/**
 * What one part of a process waits for and another one rings. Rung while nobody waits, it is kept:
 * the next wait is over at once.
 */
export class Alarm {
  #rung = false
  #wake: (() => void) | undefined

  ring (): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Waits at least so long; then until it is rung, at most so long, or the signal aborts. */
  async wait ({ atLeastMs, atMostMs }: Waiting, signal: AbortSignal): Promise<void> {
    const start = performance.now()
    await new Promise<void>((resolve) => {
      const timers: NodeJS.Timeout[] = []
      const end = (): void => {
        timers.forEach(clearTimeout)
        signal.removeEventListener('abort', end)
        this.#wake = undefined
        resolve()
      }
      this.#wake = () => {
        timers.push(setTimeout(end, Math.max(0, atLeastMs - (performance.now() - start))))
      }
      signal.addEventListener('abort', end)
      timers.push(setTimeout(end, Math.max(atLeastMs, atMostMs)))
      if (signal.aborted) end()
      else if (this.#rung) this.#wake()
    })
    this.#rung = false
  }
}

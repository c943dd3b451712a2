import { setTimeout as sleep } from 'node:timers/promises'

/** Says whether what is read may be used; whoever finds it shut can wait until it opens. */
export interface Gate {
  isOpen (): boolean
  /** Changes whenever it is shut. */
  generation (): number
  shut (): void
  open (): void
  /** True as soon as it is open, false after `timeoutMs`. */
  opened (timeoutMs: number): Promise<boolean>
}

/** An open gate. */
export function createGate (): Gate {
  let generation = 0
  let isOpen = true
  let waiting: Array<() => void> = []
  return {
    isOpen: () => isOpen,
    generation: () => generation,
    shut () {
      generation++
      isOpen = false
    },
    open () {
      isOpen = true
      for (const resolve of waiting) resolve()
      waiting = []
    },
    async opened (timeoutMs) {
      if (!isOpen) {
        await Promise.race([
          new Promise<void>((resolve) => { waiting.push(resolve) }),
          sleep(timeoutMs, undefined, { ref: false })
        ])
      }
      return isOpen
    }
  }
}

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function seeded (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Task {
  at: number
  run: () => void
}

/** Virtual time and chance: the same seed gives the same history, to the last step. */
export class World {
  readonly random: () => number
  now = 1_763_600_000_000
  #tasks: Task[] = []

  constructor (seed: number) {
    this.random = seeded(seed)
  }

  chance (probability: number): boolean {
    return this.random() < probability
  }

  below (limit: number): number {
    return Math.floor(this.random() * limit)
  }

  pick<T> (items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  after (ms: number, run: () => void): void {
    const at = this.now + ms
    const index = this.#tasks.findIndex((task) => task.at > at)
    this.#tasks.splice(index === -1 ? this.#tasks.length : index, 0, { at, run })
  }

  async sleep (ms: number): Promise<void> {
    await new Promise<void>((resolve) => { this.after(ms, resolve) })
  }

  /** Runs until nothing is left to do; every step waits until all promises have settled. */
  async run (): Promise<void> {
    await settled()
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
      this.now = Math.max(this.now, task.at)
      task.run()
      await settled()
    }
  }
}

async function settled (): Promise<void> {
  await new Promise((resolve) => { setImmediate(resolve) })
}

interface Waiting<In, Out> {
  item: In
  resolve: (result: Out) => void
  reject: (err: unknown) => void
}

/**
 * Turns a function of many items into a function of one: calls made at the same moment, or while
 * a batch is under way, leave together as the next batch of at most `max`. `run` answers in the
 * order of its items; if it throws, every call of that batch does.
 */
export function microBatch<In, Out> (
  max: number, run: (items: In[]) => Promise<Out[]>
): (item: In) => Promise<Out> {
  const queue: Array<Waiting<In, Out>> = []
  let running = false

  async function settle (batch: Array<Waiting<In, Out>>): Promise<void> {
    try {
      const results = await run(batch.map(({ item }) => item))
      results.forEach((result, index) => batch[index]?.resolve(result))
    } catch (err) {
      for (const { reject } of batch) reject(err)
    }
  }

  function next (): void {
    const batch = queue.splice(0, max)
    running = batch.length > 0
    if (running) settle(batch).then(next)
  }

  return async (item) => await new Promise<Out>((resolve, reject) => {
    queue.push({ item, resolve, reject })
    if (running) return
    running = true
    // Lets everybody who is about to ask in this turn of the event loop ask.
    queueMicrotask(next)
  })
}

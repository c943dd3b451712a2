import type { Projected } from '../../schemas/recorded.ts'

/** Ids that may be projected already, and streams whose last projected revision is wanted. */
export interface LookupQuestion {
  tenant: string
  ids: readonly string[]
  streams: readonly string[]
}

/**
 * Asks the read models, one answer for each question, in order. Ids and streams of a question are
 * of one snapshot: an id that is absent is in none of the revisions told. Throws
 * DATABASE_UNAVAILABLE when they cannot be asked.
 */
export type ProjectedLookup = (questions: readonly LookupQuestion[]) => Promise<Projected[]>

/** Ids and streams that are asked for at once, unless a single request asks for more. */
export const LOOKUP_MAX = 2_000

interface Waiting extends LookupQuestion {
  resolve: (projected: Projected) => void
  reject: (reason: unknown) => void
}

/**
 * The same look-up for one question, with everything that waits asked at once, one question a
 * tenant. One look-up is under way at a time, and after it `pause`: what comes meanwhile leaves
 * together with the next, and so do the appends that follow it.
 */
export function batchLookups (
  lookup: ProjectedLookup, pause: () => Promise<void> = async () => {}
): (question: LookupQuestion) => Promise<Projected> {
  const queue: Waiting[] = []
  let running = false

  const pump = async (): Promise<void> => {
    while (queue.length > 0) {
      await askAll(lookup, byTenant(takeGroup(queue)))
      await pause()
    }
    running = false
  }

  return async (question) => await new Promise((resolve, reject) => {
    queue.push({ ...question, resolve, reject })
    if (running) return
    running = true
    // A microtask later, so that requests that arrive together are asked together.
    queueMicrotask(() => { pump() })
  })
}

function byTenant (waiting: readonly Waiting[]): Array<[string, Waiting[]]> {
  const tenants = new Map<string, Waiting[]>()
  for (const one of waiting) {
    const group = tenants.get(one.tenant)
    if (group) group.push(one)
    else tenants.set(one.tenant, [one])
  }
  return [...tenants]
}

/** Settles everybody who waits. Never throws. */
async function askAll (
  lookup: ProjectedLookup, groups: ReadonlyArray<[string, readonly Waiting[]]>
): Promise<void> {
  try {
    const answers = await lookup(groups.map(([tenant, group]) => ({
      tenant,
      ids: [...new Set(group.flatMap(({ ids }) => ids))],
      streams: [...new Set(group.flatMap(({ streams }) => streams))]
    })))
    groups.forEach(([, group], index) => {
      const answer = answers[index]
      if (answer === undefined) throw new Error('a look-up without an answer')
      for (const { resolve } of group) resolve(answer)
    })
  } catch (err) {
    for (const [, group] of groups) for (const { reject } of group) reject(err)
  }
}

function takeGroup (queue: Waiting[]): Waiting[] {
  let asked = 0
  let count = 0
  for (const { ids, streams } of queue) {
    asked += ids.length + streams.length
    if (count > 0 && asked > LOOKUP_MAX) break
    count++
  }
  return queue.splice(0, count)
}

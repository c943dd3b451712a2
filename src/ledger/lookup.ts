import type { Projected } from '../../schemas/recorded.ts'

/**
 * Asks the read models of a tenant for ids and streams, both in one snapshot: an id that is absent
 * is in none of the revisions told. Throws DATABASE_UNAVAILABLE when they cannot be asked.
 */
export type ProjectedLookup = (
  tenant: string, ids: readonly string[], streams: readonly string[]
) => Promise<Projected>

/** Ids and streams that one statement asks for, unless a single request asks for more. */
export const LOOKUP_MAX = 2_000
/** Statements of one tenant at a time; what comes meanwhile leaves together with the next. */
const STATEMENTS_MAX = 2

interface Waiting {
  ids: readonly string[]
  streams: readonly string[]
  resolve: (projected: Projected) => void
  reject: (reason: unknown) => void
}

/** The same look-up, with everything that waits for one tenant asked in one statement. */
export function batchLookups (lookup: ProjectedLookup): ProjectedLookup {
  const tenants = new Map<string, { queue: Waiting[], running: number }>()

  const run = async (tenant: string, group: readonly Waiting[]): Promise<void> => {
    try {
      const ids = new Set(group.flatMap((waiting) => waiting.ids))
      const streams = new Set(group.flatMap((waiting) => waiting.streams))
      const projected = await lookup(tenant, [...ids], [...streams])
      for (const { resolve } of group) resolve(projected)
    } catch (err) {
      for (const { reject } of group) reject(err)
    }
  }

  const pump = async (tenant: string): Promise<void> => {
    const state = tenants.get(tenant)
    if (state === undefined || state.running >= STATEMENTS_MAX) return
    state.running++
    try {
      while (state.queue.length > 0) await run(tenant, takeGroup(state.queue))
    } finally {
      state.running--
      if (state.running === 0) tenants.delete(tenant)
    }
  }

  return async (tenant, ids, streams) => await new Promise((resolve, reject) => {
    let state = tenants.get(tenant)
    if (state === undefined) tenants.set(tenant, state = { queue: [], running: 0 })
    state.queue.push({ ids, streams, resolve, reject })
    // A microtask later, so that requests that arrive together share one statement.
    queueMicrotask(() => { pump(tenant).catch(reject) })
  })
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

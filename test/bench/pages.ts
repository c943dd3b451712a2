import type { Bench, System } from './bench.ts'
import { entityOf, userOf } from './generator.ts'
import { call, listOf } from './http.ts'
import { failureNote, metered, type Sample } from './sample.ts'

/** Rows of a page. */
export const PAGE = 50
/** The busiest users and entities, of whom each has more than a page. */
const RANKS = 20
const CONNECTIONS = 16
const REQUESTS_MAX = 10_000_000

/** Measure -> addresses of its first pages in the largest tenant. */
export const PAGES: Readonly<Record<string, readonly string[]>> = {
  list: [`/v1/events?limit=${PAGE}`],
  feed: Array.from({ length: RANKS }, (_, rank) => {
    return `/v1/users/${userOf(rank).id}/events?limit=${PAGE}`
  }),
  trail: Array.from({ length: RANKS }, (_, rank) => {
    const { type, id } = entityOf(rank)
    return `/v1/entities/${type}/${id}/events?limit=${PAGE}`
  })
}

/** Requests per second for some pages, and what they cost. */
export async function pageRate (
  bench: Bench, system: System, { paths, seconds }: { paths: readonly string[], seconds: number }
): Promise<Sample> {
  const { result, cpu } = await metered(bench, system, async () => await bench.load.run({
    kind: 'closed',
    port: system.port,
    connections: CONNECTIONS,
    seconds,
    requestsMax: REQUESTS_MAX,
    source: { kind: 'gets', credential: system.credentials[0] ?? '', paths }
  }))
  return {
    value: result.answered / result.seconds,
    units: result.answered,
    cpu,
    note: failureNote(result)
  }
}

/** Throws unless the pages are full and show who did it: a fast page of nothing proves nothing. */
export async function checkPages (system: System): Promise<void> {
  for (const [measure, paths] of Object.entries(PAGES)) {
    const page = await getPage(system, paths[0] ?? '')
    const items = listOf(page, 'items')
    const shown = JSON.stringify(items)
    if (items.length !== PAGE || !shown.includes('User Number')) {
      throw new Error(`${system.name}: ${measure} shows ${items.length} items: ` +
        shown.slice(0, 500))
    }
  }
}

/** One page as JSON; throws for anything but 200. */
export async function getPage (system: System, path: string): Promise<unknown> {
  const url = `http://127.0.0.1:${system.port}${path}`
  const { status, body } = await call(url, { credential: system.credentials[0] ?? '' })
  if (status === 200) return body
  throw new Error(`${system.name}: GET ${path}: ${status} ${JSON.stringify(body)}`)
}

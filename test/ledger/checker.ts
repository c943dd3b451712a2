import { decode } from '../../src/ledger/codec.ts'
import { simulate, type Bugs, type History } from './simulation.ts'

/** The first seeds whose history goes wrong, at most as many as wanted, and what is wrong there. */
export async function failing (
  seeds: { from: number, count: number, wanted: number }, bugs: Bugs = {}
): Promise<string[]> {
  const found: string[] = []
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed++) {
    const [wrong] = wrongs(await simulate(seed, bugs))
    if (wrong !== undefined) found.push(`seed ${seed}: ${wrong}`)
    if (found.length === seeds.wanted) break
  }
  return found
}

/** What is wrong with a history; empty if nothing was lost, doubled, or told wrongly. */
export function wrongs ({ store, sent, retried }: History): string[] {
  const found: string[] = []
  const counts = new Map<string, number>()
  for (const { id } of store.all) counts.set(id, (counts.get(id) ?? 0) + 1)
  for (const [id, count] of counts) if (count > 1) found.push(`doubled: ${id} ${count} times`)
  const firsts = new Map<string, number>()
  for (const { event, result } of [...sent, ...retried]) {
    if (!result.ok) continue
    const { id, stream, revision, leafHash, recordedAt, duplicate } = result.receipt
    const recorded = store.stream(stream)[Number(revision)]
    const decoded = recorded && decode(recorded)
    if (!decoded?.ok || decoded.event.id !== id) {
      found.push(`lost: ${id}`)
      continue
    }
    const { data } = decoded.event
    if (!decoded.event.leafHash.equals(leafHash)) found.push(`wrong leaf hash: ${id}`)
    if (data.recordedAt !== recordedAt) found.push(`wrong time: ${id}`)
    if (JSON.stringify(data.data) !== JSON.stringify(event.data)) {
      found.push(`acknowledged, but other content was recorded: ${id}`)
    }
    if (!duplicate) firsts.set(id, (firsts.get(id) ?? 0) + 1)
  }
  for (const [id, count] of firsts) if (count > 1) found.push(`first ${count} times: ${id}`)
  for (const { event, result } of retried) {
    if (!result.ok) found.push(`not recorded in peace: ${event.id} ${result.error.code}`)
  }
  return found
}

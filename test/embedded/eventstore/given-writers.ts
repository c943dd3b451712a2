import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { spawnNode, type SpawnedNode } from '../../../src/embedded/eventstore/spawn.ts'

/** What a round of writing against a node that is killed came to. */
export interface KillReport {
  readonly kills: number
  readonly acknowledged: number
  readonly unknown: number
  /** Acknowledged calls of which an event is missing or in another place. */
  readonly lost: readonly string[]
  /** Calls of which some events are there and others are not. */
  readonly partial: readonly string[]
}

interface Sent { readonly stream: string, readonly ids: readonly string[] }

interface Written {
  readonly acknowledged: (Sent & { readonly first: bigint })[]
  readonly unknown: Sent[]
}

/** Writes to streams of its own, one call after the other, until the connection breaks. */
async function write (client: EventStoreDBClient, written: Written): Promise<void> {
  const stream = `killed-${randomUUID()}`
  for (let next = 0n; ;) {
    const ids = Array.from({ length: 1 + Math.floor(Math.random() * 5) }, () => randomUUID())
    const events = ids.map((id) => jsonEvent({ id, type: 't', data: { stream, id } }))
    const sent = { stream, ids }
    try {
      await client.appendToStream(stream, events,
        { expectedRevision: next === 0n ? 'no_stream' : next - 1n })
      written.acknowledged.push({ ...sent, first: next })
      next += BigInt(ids.length)
    } catch {
      written.unknown.push(sent)
      return
    }
  }
}

/**
 * Kills a node with SIGKILL while writers append, starts it again on the same data and port, and so
 * on; at the end compares what was acknowledged with what is there.
 */
export async function killUnderWriters (
  dataDir: string, { kills, writers }: { kills: number, writers: number }
): Promise<KillReport> {
  const written: Written = { acknowledged: [], unknown: [] }
  let node = await spawnNode({ dataDir, onLine: () => {} })
  for (let n = 0; n < kills; n++) {
    const client = EventStoreDBClient.connectionString(node.url)
    const writing = Array.from({ length: writers }, () => write(client, written))
    await grown(written, 20)
    await sleep(Math.random() * 100)
    process.kill(node.pid, 'SIGKILL')
    await node.exited
    await Promise.all(writing)
    await client.dispose()
    node = await spawnNode({ dataDir, port: node.port, onLine: () => {} })
  }
  const found = await readEverything(node)
  await node.stop()
  return compare(kills, written, found)
}

/** Waits until some more calls were acknowledged, however slow the machine is. */
async function grown ({ acknowledged }: Written, by: number): Promise<void> {
  const enough = acknowledged.length + by
  for (let n = 0; n < 1_000 && acknowledged.length < enough; n++) await sleep(10)
}

async function readEverything (node: SpawnedNode): Promise<Map<string, string>> {
  const client = EventStoreDBClient.connectionString(node.url)
  const found = new Map<string, string>()
  for await (const { event } of client.readAll()) {
    if (event !== undefined) found.set(event.id, `${event.streamId}@${event.revision}`)
  }
  await client.dispose()
  return found
}

function compare (kills: number, written: Written, found: Map<string, string>): KillReport {
  const lost = written.acknowledged.filter(({ stream, ids, first }) =>
    ids.some((id, i) => found.get(id) !== `${stream}@${first + BigInt(i)}`))
  const partial = written.unknown.filter(({ ids }) => {
    const there = ids.filter((id) => found.has(id)).length
    return there > 0 && there < ids.length
  })
  const names = (sent: readonly Sent[]) => sent.map(({ stream, ids }) => `${stream}: ${ids[0]}`)
  return {
    kills,
    acknowledged: written.acknowledged.length,
    unknown: written.unknown.length,
    lost: names(lost),
    partial: names(partial)
  }
}

/**
 * What the embedded node does with the official client, and what it costs the node's own process.
 * `npm run build:test && node dist/test/bench/embedded-node.js [seconds per line]`;
 * Linux only (reads /proc).
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventStoreDBClient, jsonEvent, type JSONEventData } from '@eventstore/db-client'
import { spawnNode, type SpawnedNode } from '../../src/embedded/eventstore/spawn.ts'

/** One line of the result. CPU is the node's own, in microseconds per event. */
export interface BenchLine {
  readonly name: string
  readonly eventsPerSecond: number
  readonly serverMicros: number
  readonly note?: string
}

const TICK_MS = 10

const bodies = {
  description: 'x'.repeat(200),
  before: { status: 'open', total: '12.50' },
  after: { status: 'paid', total: '12.50' },
  actor: { type: 'service', id: 'billing' },
  tags: ['a', 'b']
}

const event = (n: number): JSONEventData => jsonEvent({
  type: 'order.updated', data: { n, ...bodies }, metadata: { $correlationId: `c-${n}` }
})

/** CPU time that a process has used, in ms. */
async function cpuMs (pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

async function rssMiB (pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}

async function measure (
  node: SpawnedNode, name: string, run: () => Promise<{ events: number, note?: string }>
): Promise<BenchLine> {
  const cpu = await cpuMs(node.pid)
  const start = performance.now()
  const { events, note } = await run()
  const seconds = (performance.now() - start) / 1000
  return {
    name,
    eventsPerSecond: Math.round(events / seconds),
    serverMicros: Math.round((await cpuMs(node.pid) - cpu) * 10_000 / events) / 10,
    ...(note === undefined ? {} : { note })
  }
}

interface AppendLoad {
  readonly seconds: number
  readonly concurrency: number
  readonly perCall: number
  readonly streams: number
}

async function append (
  client: EventStoreDBClient, { seconds, concurrency, perCall, streams }: AppendLoad
): Promise<{ events: number, note: string }> {
  const until = performance.now() + seconds * 1000
  const run = Math.random().toString(36).slice(2)
  const latencies: number[] = []
  let events = 0
  let call = 0
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (performance.now() < until) {
      const batch = Array.from({ length: perCall }, (_, i) => event(events + i))
      const start = performance.now()
      await client.appendToStream(`bench.${run}-${call++ % streams}`, batch)
      latencies.push(performance.now() - start)
      events += perCall
    }
  }))
  return { events, note: percentiles(latencies) }
}

function percentiles (values: number[]): string {
  const sorted = values.sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`
}

async function count (events: AsyncIterable<unknown>): Promise<{ events: number }> {
  let n = 0
  for await (const event of events) if (event !== undefined) n++
  return { events: n }
}

async function catchUp (client: EventStoreDBClient): Promise<{ events: number }> {
  const subscription = client.subscribeToAll()
  let caughtUp = false
  let events = 0
  subscription.on('caughtUp', () => { caughtUp = true })
  const { commit: head } = await headOf(client)
  for await (const resolved of subscription) {
    events++
    if (caughtUp || (resolved.commitPosition ?? 0n) >= head) break
  }
  await subscription.unsubscribe()
  return { events }
}

/** Reads to the end: leaving a finished read early makes the client's dispose() hang. */
async function headOf (client: EventStoreDBClient): Promise<{ commit: bigint }> {
  let commit = 0n
  const newest = client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 1 })
  for await (const { event } of newest) commit = event?.position?.commit ?? 0n
  return { commit }
}

/** Appends at a steady rate and takes the time until a live subscriber has each event. */
async function live (
  client: EventStoreDBClient, seconds: number, perSecond: number
): Promise<{ events: number, note: string }> {
  const subscription = client.subscribeToAll({ fromPosition: 'end' })
  const sent = new Map<string, number>()
  const latencies: number[] = []
  await new Promise((resolve) => { subscription.once('caughtUp', resolve) })
  subscription.on('data', ({ event }) => {
    const start = sent.get(event?.id ?? '')
    if (start !== undefined) latencies.push(performance.now() - start)
  })
  const start = performance.now()
  for (let n = 0; n < seconds * perSecond; n++) {
    const wait = start + n * 1000 / perSecond - performance.now()
    if (wait > 1) await new Promise((resolve) => { setTimeout(resolve, wait) })
    const one = event(n)
    sent.set(one.id, performance.now())
    client.appendToStream('bench.live-1', one).catch(() => {})
  }
  await new Promise((resolve) => { setTimeout(resolve, 200) })
  await subscription.unsubscribe()
  return { events: latencies.length, note: percentiles(latencies) }
}

const LOADS: readonly (readonly [string, Omit<AppendLoad, 'seconds'>])[] = [
  ['append 1 per call, 1 at a time', { concurrency: 1, perCall: 1, streams: 1000 }],
  ['append 1 per call, 16 at a time', { concurrency: 16, perCall: 1, streams: 1000 }],
  ['append 1 per call, 128 at a time', { concurrency: 128, perCall: 1, streams: 1000 }],
  ['append 100 per call, 4 at a time, 1 stream', { concurrency: 4, perCall: 100, streams: 1 }],
  ['append 100 per call, 4 at a time, 2000 streams',
    { concurrency: 4, perCall: 100, streams: 2000 }],
  ['append 1000 per call, 1 at a time, 1 stream', { concurrency: 1, perCall: 1000, streams: 1 }],
  ['append 1000 per call, 4 at a time, 2000 streams',
    { concurrency: 4, perCall: 1000, streams: 2000 }]
]

/** Runs everything; `seconds` bounds each line. */
export async function benchEmbeddedNode (
  seconds: number, print: (line: BenchLine) => void
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'embedded-node-bench-'))
  const node = await spawnNode({ dataDir })
  const client = EventStoreDBClient.connectionString(node.url)
  try {
    await append(client, { seconds: 0.5, concurrency: 16, perCall: 10, streams: 10 })
    for (const [name, load] of LOADS) {
      print(await measure(node, name, () => append(client, { ...load, seconds })))
    }
    print(await measure(node, 'read $all forward', () => count(client.readAll())))
    print(await measure(node, 'read $all backward', () => count(
      client.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 100_000 }))))
    print(await measure(node, 'subscribe to $all, catching up', () => catchUp(client)))
    await client.appendToStream('bench.all-1', event(0))
    print(await measure(node, 'live, 500 per second', () => live(client, seconds, 500)))
    print({
      name: 'memory of the node, MiB', eventsPerSecond: await rssMiB(node.pid), serverMicros: 0
    })
  } finally {
    await client.dispose()
    await node.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

if (process.argv[1]?.includes('embedded-node') === true) {
  await benchEmbeddedNode(Number(process.argv[2] ?? 2), (line) => {
    process.stdout.write(`${line.name.padEnd(50)} ${String(line.eventsPerSecond).padStart(9)} ` +
      `${String(line.serverMicros).padStart(6)} us  ${line.note ?? ''}\n`)
  })
}

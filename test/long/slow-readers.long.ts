import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { event, testService } from '../api/service.ts'

const READERS = Number(process.env['READERS'] ?? 500)
/** Of the readers: those that take nothing, and those that take little at a time. */
const STALLED = Math.floor(READERS / 10)
const SLOW = Math.floor(READERS / 10)
const SLOW_BYTES = 4_096
const ROUNDS = 6
const ROUND_MS = 8_000
/** Events of each append, and time between two. */
const BATCH = 4
const PAUSE_MS = 250
const TEXT = 'x'.repeat(2_000)

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

t.test(`memory stays flat with ${READERS} readers`, { timeout: 600_000 }, async (t) => {
  const { app, append, keys } = await testService(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const key = keys['acme.auditor'] ?? ''
  const latencies: number[] = []
  const send = async (): Promise<void> => {
    const sent = Array.from({ length: BATCH }, () =>
      event({ description: TEXT, tags: [`at:${Date.now()}`] }))
    await append('acme', sent)
  }
  await send()
  const before = megabytes()
  const readers = Array.from({ length: READERS }, (_, n) => open(port, key, (text) => {
    if (n < STALLED + SLOW) return
    for (const [, at] of text.matchAll(/"at:(\d+)"/g)) latencies.push(Date.now() - Number(at))
  }))
  t.teardown(() => { for (const socket of readers) socket.destroy() })
  await sleep(3_000)
  const opened = megabytes()
  readers.slice(0, STALLED + SLOW).forEach((socket) => { socket.pause() })
  const slowly = setInterval(() => {
    for (const socket of readers.slice(STALLED, STALLED + SLOW)) socket.read(SLOW_BYTES)
  }, 500)
  t.teardown(() => { clearInterval(slowly) })
  const samples: Memory[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const end = Date.now() + ROUND_MS
    while (Date.now() < end) {
      await send()
      await sleep(PAUSE_MS)
    }
    samples.push(megabytes())
  }
  for (const socket of readers) socket.destroy()
  await sleep(2_000)
  const after = megabytes()
  latencies.sort((one, other) => one - other)
  const at = (share: number): number | undefined => latencies[Math.floor(latencies.length * share)]
  t.comment(`MB, heap + buffers (resident): before ${told(before)}, ${READERS} readers ` +
    `${told(opened)}, under way ${samples.map(told).join(', ')}, after ${told(after)}`)
  t.comment(`${latencies.length} received; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`)
  const [, second, ...later] = samples
  const last = later.at(-1)
  t.ok((last?.used ?? Infinity) - (second?.used ?? 0) < 0.05 * READERS,
    'no more than 50 KB a reader in the last rounds')
  t.ok(after.used - before.used < 0.05 * READERS, 'readers that are gone leave nothing')
})

/** A reader of the event stream on a connection of its own. */
function open (port: number, key: string, take: (text: string) => void): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.on('data', (chunk) => { take(chunk.toString('latin1')) })
  socket.write('GET /v1/events/stream HTTP/1.1\r\nHost: localhost\r\n' +
    `Authorization: Bearer ${key}\r\n\r\n`)
  return socket
}

interface Memory {
  /** Heap and buffers that are in use. */
  used: number
  resident: number
}

function megabytes (): Memory {
  collect()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { used: (heapUsed + external) / 1_048_576, resident: rss / 1_048_576 }
}

function told ({ used, resident }: Memory): string {
  return `${used.toFixed(0)} (${resident.toFixed(0)})`
}

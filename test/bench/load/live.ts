import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventSeries } from '../generator.ts'
import { latencyOf, type Latency } from '../stats.ts'
import { Connection } from './connection.ts'
import { appendRequest, getRequest, nextId } from './requests.ts'

/**
 * How soon an appended event has come to everybody who follows the stream of events: from the
 * moment the append is sent to the piece with its id. Somebody else makes the load.
 */
export interface LiveJob {
  readonly kind: 'live'
  readonly port: number
  readonly readers: number
  readonly seconds: number
  readonly seed: number
  /** Header lines of the tenant's credential. */
  readonly credential: string
}

export interface Live {
  readonly latencyMs: Latency
  /** Events that were timed, at each of the readers. */
  readonly probes: number
  /** Of probes times readers: those that had not come in time. */
  readonly missed: number
  readonly bytesReceived: number
}

const PROBE_EVERY_MS = 40
const MISSED_AFTER_MS = 5_000
const ID_LENGTH = nextId().length

export async function runLive (job: LiveJob): Promise<Live> {
  const sentAt = new Map<string, number>()
  const latencies: number[] = []
  let bytesReceived = 0
  const take = (text: string): void => {
    const nowMs = performance.now()
    for (const [, id = ''] of text.matchAll(/"id":"([0-9a-f-]{36})"/g)) {
      const at = sentAt.get(id)
      if (at !== undefined) latencies.push(nowMs - at)
    }
  }
  const sockets = await Promise.all(Array.from({ length: job.readers }, async () =>
    await follow(job, (text, bytes) => {
      bytesReceived += bytes
      take(text)
    })))
  const endMs = performance.now() + job.seconds * 1_000
  const next = eventSeries(job.seed)
  while (performance.now() < endMs) {
    const event = { ...next(), id: nextId() }
    const request = appendRequest(JSON.stringify(event), job.credential)
    const connection = await Connection.open(job.port, () => {})
    sentAt.set(event.id, performance.now())
    connection.send(request, () => { connection.close() })
    await sleep(PROBE_EVERY_MS)
  }
  const expected = sentAt.size * job.readers
  const lateMs = performance.now() + MISSED_AFTER_MS
  while (latencies.length < expected && performance.now() < lateMs) await sleep(10)
  for (const socket of sockets) socket.destroy()
  const missed = expected - latencies.length
  return { latencyMs: latencyOf(latencies), probes: sentAt.size, missed, bytesReceived }
}

/** A reader of everything; resolves when the stream has begun. A chunk's end may cut an id. */
async function follow (
  { port, credential }: LiveJob, take: (text: string, bytes: number) => void
): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  socket.on('error', () => {})
  socket.write(getRequest('/v1/events/stream', credential))
  let rest = ''
  await new Promise((resolve) => {
    socket.on('data', (chunk) => {
      resolve(undefined)
      const text = rest + chunk.toString('latin1')
      take(text, chunk.length)
      // Shorter than what is looked for: nothing is found twice.
      rest = text.slice(-(ID_LENGTH + '"id":"'.length))
    })
  })
  return socket
}

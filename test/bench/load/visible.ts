import { setTimeout as sleep } from 'node:timers/promises'
import { eventSeries } from '../generator.ts'
import { latencyOf, type Latency } from '../stats.ts'
import { Connection, type Answer } from './connection.ts'
import { runOpen } from './open.ts'
import { appendRequest, getRequest, nextId } from './requests.ts'
import type { Tally } from './tally.ts'

/**
 * How soon an appended event shows in its user's feed, under a steady load: from the moment the
 * append is sent to the answer that shows it, asked for again and again like an impatient reader.
 */
export interface VisibleJob {
  readonly kind: 'visible'
  readonly port: number
  readonly perSecond: number
  readonly seconds: number
  readonly seed: number
  readonly credentials: readonly string[]
}

export interface Visible {
  readonly load: Tally
  readonly probes: number
  readonly latencyMs: Latency
  /** Appended, but not seen within the time-out. */
  readonly unseen: number
}

const PROBE_EVERY_MS = 40
const ASK_AGAIN_MS = 1
const UNSEEN_AFTER_MS = 5_000
const LOAD_CONNECTIONS = 64
/** Probes turn by turn for so many users, whose feeds nobody else touches. */
const PROBE_USERS = 20

export async function runVisible (job: VisibleJob): Promise<Visible> {
  const { port, perSecond, seconds, seed, credentials } = job
  const load = runOpen({
    kind: 'open',
    port,
    connections: LOAD_CONNECTIONS,
    perSecond,
    seconds,
    source: { kind: 'appends', seed, batch: 1, credentials }
  })
  const probing = new AbortController()
  const probes = probe(job, probing.signal)
  const tally = await load
  probing.abort()
  const latencies = await probes
  const seen = latencies.filter((ms) => ms < UNSEEN_AFTER_MS)
  return {
    load: tally,
    probes: latencies.length,
    latencyMs: latencyOf(latencies),
    unseen: latencies.length - seen.length
  }
}

async function probe (job: VisibleJob, signal: AbortSignal): Promise<number[]> {
  const latencies: number[] = []
  const next = eventSeries(job.seed + 1)
  const pending: Array<Promise<void>> = []
  for (let index = 0; !signal.aborted; index++) {
    const user = `probe-${index % PROBE_USERS}`
    const event = { ...next(), id: nextId(), actor: { type: 'user', id: user, name: user } }
    // A probe that is not answered is one that was not seen.
    pending.push(probeOnce(job, event).catch(() => UNSEEN_AFTER_MS).then((ms) => {
      latencies.push(ms)
    }))
    await sleep(PROBE_EVERY_MS)
  }
  await Promise.all(pending)
  return latencies
}

interface Probe { readonly id: string, readonly actor: { readonly id: string } }

async function probeOnce (job: VisibleJob, event: Probe): Promise<number> {
  const credential = job.credentials[0] ?? ''
  const startedAt = performance.now()
  const connection = await Connection.open(job.port, () => {})
  const sentAt = performance.now()
  try {
    await ask(connection, appendRequest(JSON.stringify(event), credential))
    const feed = getRequest(`/v1/users/${event.actor.id}/events?limit=20`, credential)
    while (performance.now() - startedAt < UNSEEN_AFTER_MS) {
      const page = await ask(connection, feed)
      if (page.includes(event.id)) return performance.now() - sentAt
      await sleep(ASK_AGAIN_MS)
    }
    return UNSEEN_AFTER_MS
  } finally {
    connection.close()
  }
}

function ask (connection: Connection, request: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => { reject(new Error('no answer')) }, UNSEEN_AFTER_MS)
    connection.send(request, ({ status, body }: Answer) => {
      clearTimeout(late)
      const text = body.toString('utf8')
      if (status < 300) resolve(text)
      else reject(new Error(`${status} ${text.slice(0, 300)}`))
    })
  })
}

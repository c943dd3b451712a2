import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { client } from '../e2e/http.ts'
import { orderEvent, testLedger, testTenant } from '../e2e/ledger.ts'

const PER_SECOND = 50
const SECONDS = 20
const IDLE_APPENDS = 20
const LOOK_MS = 10

const ledger = await testLedger(t, { apis: 1, workers: 1 })
const { key } = await testTenant(ledger)
const api = client(ledger.apis[0]?.address ?? '', key)
const size = async (): Promise<number> => {
  const { status, text } = await api.get('/v1/checkpoint')
  return status === 200 ? Number(text.split('\n')[1]) : 0
}

/** An event, when its append began, and when its receipt came. */
interface Sent {
  id: string
  startedMs: number
  tookMs: number
}

async function send (): Promise<Sent> {
  const id = randomUUID()
  const startedMs = performance.now()
  const { status, text } = await api.post('/v1/events', orderEvent(id, `o-${id.slice(0, 2)}`))
  if (status !== 201) throw new Error(text)
  return { id, startedMs, tookMs: performance.now() - startedMs }
}

/** Calls with the time and the size of each checkpoint as it is served, until it is told to end. */
function watch () {
  const seen: Array<{ atMs: number, size: number }> = []
  const over = new AbortController()
  const done = (async () => {
    while (!over.signal.aborted) {
      const found = await size()
      if (found > (seen.at(-1)?.size ?? 0)) seen.push({ atMs: performance.now(), size: found })
      await sleep(LOOK_MS)
    }
  })()
  return {
    seen,
    async end () {
      over.abort()
      await done
    }
  }
}

async function indexOf (id: string): Promise<number> {
  for (;;) {
    const answer = await api.get(`/v1/events/${id}/proof`)
    const body = answer.status === 200 ? answer.json() : undefined
    if (typeof body === 'object' && body !== null) return Number(Reflect.get(body, 'index'))
    await sleep(100)
  }
}

/** Milliseconds from the start of each append until a served checkpoint covers its event. */
async function latencies (load: () => Promise<Sent[]>): Promise<string> {
  const watching = watch()
  const sent = await load()
  const indexes: number[] = []
  for (const { id } of sent) indexes.push(await indexOf(id))
  await watching.end()
  const ms = sent.map(({ startedMs }, at) =>
    (watching.seen.find(({ size }) => size > (indexes[at] ?? 0))?.atMs ?? Infinity) - startedMs)
  const figure = (of: readonly number[], share: number): string =>
    (of.toSorted((a, b) => a - b)[Math.ceil(of.length * share) - 1] ?? 0).toFixed(0)
  const figures = (of: readonly number[]): string =>
    `p50 ${figure(of, 0.5)}, p99 ${figure(of, 0.99)}, most ${figure(of, 1)} ms`
  return `${sent.length} events, ${watching.seen.length} checkpoints: signed after ` +
    `${figures(ms)}; receipt after ${figures(sent.map(({ tookMs }) => tookMs))}`
}

t.test('how long until what is appended is signed', { timeout: 600_000 }, async (t) => {
  await indexOf((await send()).id)
  t.comment(`alone: ${await latencies(async () => {
    const sent: Sent[] = []
    for (let n = 0; n < IDLE_APPENDS; n++) {
      sent.push(await send())
      await sleep(1_000 + 37 * n)
    }
    return sent
  })}`)
  t.comment(`${PER_SECOND}/s: ${await latencies(async () => {
    const sent: Array<Promise<Sent>> = []
    const start = performance.now()
    for (let n = 0; n < PER_SECOND * SECONDS; n++) {
      sent.push(send())
      await sleep(Math.max(0, start + (n + 1) * 1_000 / PER_SECOND - performance.now()))
    }
    return await Promise.all(sent)
  })}`)
  t.pass()
})

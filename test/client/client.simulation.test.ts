import fc from 'fast-check'
import t from 'tap'
import { createClient } from '../../src/client/client.ts'
import { orderEvent } from './ledger.ts'

/** What the network and the ledger do with one request. */
type Fate = 'answered' | 'lost before' | 'lost after' | 'cut' | '503' | 'partly 503' | '413'

const fate: fc.Arbitrary<Fate> = fc.constantFrom(
  'answered', 'answered', 'lost before', 'lost after', 'cut', '503', 'partly 503', '413')

interface Sent { id: string, occurredAt: string, description: string }

/** A ledger in memory that knows ids, behind a network that does as the fates say. */
function modelLedger (fates: readonly Fate[]) {
  const log: Sent[] = []
  let request = 0
  const record = (event: Sent): object => {
    const before = log.find(({ id }) => id === event.id)
    if (before === undefined) log.push(event)
    else if (before.occurredAt !== event.occurredAt) throw new Error('the same id, another event')
    const duplicate = before !== undefined
    return { status: duplicate ? 200 : 201, receipt: { id: event.id, duplicate } }
  }
  const busy = { type: '/problems/overloaded', title: 'busy', detail: 'busy' }
  const answer = (fate: Fate, events: Sent[]): Response => {
    // The first of them may be behind a proxy with a limit of its own; one alone always passes.
    if (fate === '413' && events.length > 1) return new Response('too large', { status: 413 })
    if (fate === '503') return new Response('{}', { status: 503 })
    if (fate === 'lost before') throw new TypeError('fetch failed')
    const recorded = fate === 'partly 503' ? Math.floor(events.length / 2) : events.length
    const items = events.map((event, index) => index < recorded
      ? record(event)
      : { status: 503, problem: busy })
    if (fate === 'lost after') throw new TypeError('fetch failed')
    const body = JSON.stringify({ items })
    return new Response(fate === 'cut' ? body.slice(0, -7) : body, {
      status: recorded === events.length ? 201 : 207
    })
  }
  return {
    log,
    fetch: async (_url: unknown, init?: RequestInit): Promise<Response> => {
      await new Promise((resolve) => setImmediate(resolve))
      return answer(fates[request++] ?? 'answered', JSON.parse(String(init?.body)))
    }
  }
}

t.test('whatever becomes of requests, each event is in the log once, in order', async (t) => {
  let retries = 0
  await fc.assert(fc.asyncProperty(
    fc.array(fate, { maxLength: 25 }),
    fc.array(fc.constantFrom('record', 'append', 'pause'), { minLength: 1, maxLength: 40 }),
    fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 9 }),
    async (fates, calls, batchMax, bufferMax) => {
      const ledger = modelLedger(fates)
      const client = createClient({
        url: 'http://127.0.0.1',
        key: 'al_model',
        fetch: ledger.fetch,
        batch: { events: batchMax, lingerMs: 1 },
        buffer: { events: bufferMax },
        retry: { baseMs: 1, maxMs: 2 }
      })
      const receipts: Array<Promise<unknown>> = []
      const given: string[] = []
      for (const [n, call] of calls.entries()) {
        const event = orderEvent('1', { description: String(n) })
        if (call === 'pause') await new Promise((resolve) => setImmediate(resolve))
        else given.push(String(n))
        if (call === 'append') receipts.push(client.append(event))
        // Not awaited: the order of the calls counts, also of those that wait for room.
        if (call === 'record') receipts.push(client.record(event))
      }
      await client.close()
      await Promise.all(receipts)
      retries += client.stats().retries
      t.strictSame(ledger.log.map(({ description }) => description), given)
      t.match(client.stats(), { buffered: 0, waiting: 0, failed: 0, recorded: given.length })
    }), { numRuns: 300 })
  t.ok(retries > 300, `${retries} retries`)
})

import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './http.ts'

/** An event that was answered with a receipt. */
export interface Acknowledged {
  id: string
  event: { actor: { id: string } }
}

export interface Load {
  /** Sends no more; what was acknowledged, and how many a second. */
  stop: () => Promise<{ acknowledged: Acknowledged[], rate: number }>
}

const EVERY_MS = 100
const TOGETHER_MAX = 1_000

/** Sends so many events a second; what one request held up, the next one makes good. */
export function startLoad (
  producer: Client, rate: number, next: () => Record<string, unknown>
): Load {
  const stop = new AbortController()
  const acknowledged: Acknowledged[] = []
  const started = Date.now()
  const seconds = (): number => (Date.now() - started) / 1_000
  const send = async (): Promise<void> => {
    const due = Math.floor(seconds() * rate) - acknowledged.length
    const events = Array.from({ length: Math.min(due, TOGETHER_MAX) }, next)
    if (events.length === 0) return
    const answer = await producer.post('/v1/events', events)
    if (answer.status !== 201) throw new Error(answer.text)
    const { items } = answer.json() as { items: Array<{ receipt: { id: string } }> }
    items.forEach(({ receipt: { id } }, index) => {
      acknowledged.push({ id, event: events[index] as Acknowledged['event'] })
    })
  }
  const running = (async () => {
    while (!stop.signal.aborted) {
      await send()
      await sleep(EVERY_MS)
    }
    return seconds()
  })()
  // Whoever stops it hears of a failure.
  running.catch(() => {})
  return {
    async stop () {
      stop.abort()
      const took = await running
      return { acknowledged, rate: acknowledged.length / took }
    }
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { createClient, type Client } from '../../src/client/client.ts'
import type { EventInput } from '../../src/client/event.ts'
import type { ClientOptions } from '../../src/client/options.ts'
import { faultProxy, type FaultProxy } from '../fault-proxy.ts'
import { testService, type TestService } from '../api/service.ts'

/** A ledger that listens, behind something that breaks on demand. */
export interface ListeningLedger extends TestService {
  proxy: FaultProxy
  /** Through the proxy. */
  url: string
  /** A client of acme's producer, closed with the test. */
  client (t: Test, options?: Partial<ClientOptions>): Client
  /** The ids of an entity's events, in the order of the log. */
  trail (entity: string): Promise<string[]>
}

/** Short enough for tests; long enough for a machine that is busy. */
const QUICK = { retry: { baseMs: 20, maxMs: 200 }, batch: { lingerMs: 10 } }

export async function listeningLedger (t: Test): Promise<ListeningLedger> {
  const service = await testService(t)
  const address = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const proxy = await faultProxy(t, Number(new URL(address).port))
  const url = `http://127.0.0.1:${proxy.port}`
  return {
    ...service,
    proxy,
    url,
    client (t, options = {}) {
      const key = service.keys['acme.producer'] ?? ''
      const client = createClient({ url, key, ...QUICK, ...options })
      t.teardown(async () => { await client.close().catch(() => undefined) })
      return client
    },
    async trail (entity) {
      const stream = `acme.${entity.replace(':', '-')}`
      const answer = await service.call('acme.auditor', `/v1/streams/${stream}/events`)
      if (answer.statusCode !== 200) throw new Error(answer.body)
      return answer.body.trim().split('\n').map((line) => JSON.parse(line))
        .flatMap(({ id }: { id?: string }) => id === undefined ? [] : [id])
    }
  }
}

/** A good event of an order; what is said replaces its members. */
export function orderEvent (order: string, said: Partial<EventInput> = {}): EventInput {
  return {
    action: 'order.updated',
    category: 'change',
    actor: { type: 'service', id: 'shop' },
    entity: { type: 'order', id: order },
    outcome: 'success',
    ...said
  } as EventInput
}

/** Ids that tell their number, so that what is missing or out of order shows. */
const idOf = (run: number, n: number): string =>
  `00000000-0000-7000-8${String(run).padStart(3, '0')}-${String(n).padStart(12, '0')}`

/** Records so many events of an order, some every few milliseconds, and gives back their ids. */
export async function produce (client: Client, order: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => idOf(Number(order), n))
  for (const [n, id] of ids.entries()) {
    await client.record(orderEvent(order, { id, description: `${n}` }))
    if (n % 20 === 0) await sleep(5)
  }
  return ids
}

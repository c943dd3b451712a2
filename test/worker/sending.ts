import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { EventInput } from '../../schemas/events/index.ts'
import type { WebhookFilter } from '../../schemas/http/webhooks.ts'
import { createSigningSecrets } from '../../src/privacy/signing-secrets.ts'
import type { WebhooksOptions } from '../../src/worker/webhook-context.ts'
import { createWebhooks } from '../../src/worker/webhooks.ts'
import { erasingWorld, type ErasingWorld } from './erasing.ts'
import { silent } from './world.ts'

/** What delivers, as a worker runs it; what it throws is its end. */
export interface Session { stop (): Promise<void>, ended: Promise<unknown>, wake (): void }

/** A world whose worker follows, and what sends from it. Every test of a file shares it. */
export interface Sending {
  world: ErasingWorld
  /** Until the end of this test there are its webhooks and no other. */
  begin (t: Test): Promise<Deliveries>
  /** Appends plain events of a tenant, and waits until readers see them; their ids. */
  happen (count: number, event?: Partial<EventInput>, tenant?: string): Promise<string[]>
  secret: Buffer
}

export interface Deliveries {
  deliver (options?: Partial<WebhooksOptions>): Session
  /** A webhook for what happens from now on; its id. */
  hook (url: string, wish?: { filter?: WebhookFilter, tenant?: string }): Promise<string>
  /** Its row; nothing if there is none. */
  state (id: string): Promise<Record<string, unknown>>
  /** Milliseconds that have gone by for deliveries, beside real ones. */
  clock: { ahead: number }
}

const PLAIN = {
  action: 'order.paid',
  category: 'change',
  actor: { type: 'service', id: 'shop' },
  entity: { type: 'order', id: '1' },
  outcome: 'success'
} as const

export async function sending (t: Test): Promise<Sending> {
  const world = await erasingWorld(t)
  const worker = world.runner()
  await worker.is('live')
  for (const tenant of ['acme', 'other']) {
    await world.superuser.query('insert into control.tenant (name) values ($1)', [tenant])
  }
  const secrets = createSigningSecrets({
    pool: world.database.pool('ledger_vault'), masterKey: async () => world.masterKey
  })
  const { id: secretId, secret } = await secrets.make()
  const [pool, apiPool] = [world.database.pool('ledger_worker'), world.database.pool('ledger_api')]
  return {
    world,
    secret,
    async begin (t) {
      const clock = { ahead: 0 }
      const sessions: Session[] = []
      t.teardown(async () => {
        await Promise.all(sessions.map(async ({ stop }) => { await stop() }))
        await world.superuser.query('delete from control.webhook')
      })
      return {
        clock,
        deliver (options = {}) {
          const stop = new AbortController()
          const webhooks = createWebhooks({
            pool,
            apiPool,
            secrets,
            targets: { allowLoopback: true, resolve: async () => ['10.0.0.1'] },
            record: world.ledger.recordOwn,
            logger: silent,
            now: () => Date.now() + clock.ahead,
            isActive: () => true,
            pollMs: 20,
            timeoutMs: 500,
            ...options
          })
          const ended = webhooks.run(stop.signal).catch((err: unknown) => err)
          const session = {
            ended,
            wake: webhooks.wake,
            async stop () {
              stop.abort()
              await ended
            }
          }
          sessions.push(session)
          return session
        },
        async hook (url, { filter = {}, tenant = 'acme' } = {}) {
          const id = randomUUID()
          const head = await world.log.head()
          await world.superuser.query(`
            insert into control.webhook (id, tenant, url, filter, enabled, secret, position)
            values ($1, $2, $3, $4, true, $5, $6)`,
          [id, tenant, url, JSON.stringify(filter), secretId, head?.commit ?? 0n])
          return id
        },
        async state (id) {
          const { rows: [row] } = await world.superuser.query(
            'select * from control.webhook where id = $1', [id])
          return row
        }
      }
    },
    async happen (count, event = {}, tenant = 'acme') {
      const events = Array.from({ length: count }, () => ({ ...PLAIN, id: randomUUID(), ...event }))
      const results = await world.ledger.record({ tenant, settings: {}, source: 'shop' }, events)
      const positions = results.map((result) => {
        if (!result.ok) throw result.error
        return result.receipt.position
      })
      await worker.reached(positions.reduce((most, one) => one > most ? one : most, 0n))
      return events.map(({ id }) => id)
    }
  }
}

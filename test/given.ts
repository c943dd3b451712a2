import { createHash } from 'node:crypto'

import type { Test } from 'tap'

import type { Projection, Tx as ProjectionTx } from '../projections/projection.ts'
import type { DecodedEvent, RecordedData } from '../schemas/recorded.ts'
import { inTransaction } from '../src/postgres/transaction.ts'
import { createGeneration, goLive } from '../src/worker/generations.ts'
import { testDatabase } from './helper.ts'

/** What a test says of an event; the rest is made up, the same each time. */
export type Said = Partial<Omit<DecodedEvent, 'data'>> & { data?: Partial<RecordedData> }

/** A UUID that says which one it is: `00000000-0000-4000-8000-00000000002a`. */
export function uuid (number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`
}

/** The nth decoded event of a log; position, revision and times follow from n. */
export function decodedEvent (n: number, said: Said = {}): DecodedEvent {
  const at = new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString()
  const { data, ...rest } = said
  return {
    id: uuid(n),
    stream: `acme.order-${n}`,
    revision: 0n,
    position: BigInt(n) * 100n,
    prepare: BigInt(n) * 100n,
    action: 'order.updated',
    correlationId: undefined,
    causationId: undefined,
    leafHash: createHash('sha256').update(String(n)).digest(),
    ...rest,
    data: {
      v: 1,
      tenant: 'acme',
      category: 'change',
      outcome: 'success',
      occurredAt: at,
      recordedAt: at,
      source: 'shop',
      actor: { type: 'service', id: 'billing' },
      entity: { type: 'order', id: String(n) },
      ...data
    }
  }
}

interface Parked { event: DecodedEvent, code: string, reason: string }

/**
 * `await given(t, projection).events([...]).rows(sql)`: the rows that a projection makes of the
 * events in a fresh database, batch by batch, as the API's role sees them for tenant acme.
 */
export function given (t: Test, ...projections: Projection[]) {
  const batches: DecodedEvent[][] = []
  const parked: Parked[] = []
  const built = {
    /** Another batch. */
    events (events: DecodedEvent[]) {
      batches.push(events)
      return built
    },
    async rows (sql: string, values: unknown[] = []): Promise<object[]> {
      return await (await built.ready()).read(async (tx) => (await tx.query(sql, values)).rows)
    },
    async ready () {
      const database = await testDatabase(t)
      const worker = database.pool('ledger_worker', { pipeline: true })
      for (const projection of projections) {
        await inTransaction(worker, async (tx) => {
          const generation = await createGeneration(tx, projection)
          await goLive(tx, projection, generation)
          const park = (event: DecodedEvent, code: string, reason: string): void => {
            parked.push({ event, code, reason })
          }
          for (const events of batches) await projection.apply({ events, park }, tx)
        })
      }
      const api = database.pool('ledger_api')
      const read = async <T>(
        work: (tx: ProjectionTx) => Promise<T>, tenant = 'acme'
      ): Promise<T> => await inTransaction(api, async (tx) => {
        await tx.query("select set_config('ledger.tenant', $1, true)", [tenant])
        return await work(tx)
      })
      return { database, worker, read, parked }
    }
  }
  return built
}

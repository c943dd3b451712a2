import type { Static, TSchema } from '@sinclair/typebox'
import type { TypeCheck } from '@sinclair/typebox/compiler'
import type { DecodedEvent } from '../schemas/recorded.ts'
import type { Projection, Tx } from './projection.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** What the ledger says of one of its own: of an entity of that type whose id is a UUID. */
export function ownData<Schema extends TSchema> (
  event: DecodedEvent, entityType: string, check: TypeCheck<Schema>
): Static<Schema> | undefined {
  const { entity } = event.data
  if (entity?.type !== entityType || !UUID.test(entity.id ?? '')) return undefined
  return checkedData(event, check)
}

/** The event's data if it is what the ledger writes, otherwise undefined. */
export function checkedData<Schema extends TSchema> (
  { data: { data } }: DecodedEvent, check: TypeCheck<Schema>
): Static<Schema> | undefined {
  return check.Check(data) ? data : undefined
}

/** What an action does to the rows; false: it is not what the ledger itself would say. */
export type OwnHandler = (event: DecodedEvent, tx: Tx) => Promise<boolean>

/** Gives each event to the handler of its action; what the ledger would not say is parked. */
export function applyOwn (handlers: ReadonlyMap<string, OwnHandler>): Projection['apply'] {
  return async (batch, tx) => {
    // Few and in order: each may change what the one before has written.
    for (const event of batch.events) {
      const handler = handlers.get(event.action)
      if (handler === undefined || await handler(event, tx)) continue
      batch.park(event, 'MALFORMED', `the data of ${event.action} is not what the ledger writes`)
    }
  }
}

import type { Static, TSchema } from '@sinclair/typebox'
import type { TypeCheck } from '@sinclair/typebox/compiler'
import type { DecodedEvent } from '../schemas/recorded.ts'

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

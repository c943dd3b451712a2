import { entryAddresses, type Place } from '../../projections/entries/compare.ts'
import { joined, tenantOf } from '../../projections/keys.ts'
import { removedBy } from '../../projections/retention/removed.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { decode } from '../ledger/codec.ts'
import { orderOf } from '../ledger/fence.ts'
import type { Log } from '../ledger/log.ts'
import { readEvent } from '../ledger/read.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction } from '../postgres/transaction.ts'
import type { Excuses, RowDifference } from './scrub-rows.ts'

/**
 * Which of the excuses the log does not give: whoever takes a row away can write beside it that it
 * was erased, or removed by age. An excuse names the event that orders it; that is read from the
 * log itself.
 */
export async function falseClaims (
  { pool, log }: { pool: Pool, log: Log }, events: readonly DecodedEvent[],
  { erased, removed }: Excuses
): Promise<RowDifference[]> {
  if (erased.length === 0 && removed.length === 0) return []
  const said = await eventsAt({ pool, log }, [
    ...erased, ...removed.map(({ tenant, run }) => ({ tenant, position: run }))
  ])
  const runs = new Map([...said].map(([key, event]) =>
    [key, new Set(removedBy(event)?.positions ?? [])]))
  const places = new Map(events.map((event) => [keyOf(placeOf(event)), event]))
  const falselyErased = erased.filter((person) => {
    const event = said.get(keyOf(person))
    const order = event && orderOf(event)
    return order?.ref !== person.ref || order.erasure !== person.erasure
  })
  const falselyRemoved = removed.filter((place) => {
    const event = places.get(keyOf(place))
    const run = runs.get(keyOf({ tenant: place.tenant, position: place.run }))
    return run?.has(place.position) !== true || event?.id !== place.id ||
      event.stream !== place.stream || event.revision !== place.revision ||
      !event.leafHash.equals(place.leafHash)
  })
  return [
    ...falselyErased.flatMap(({ tenant, positions: [position = -1n] }): RowDifference => (
      {
        tenant,
        position,
        kind: 'tampered',
        what: 'a person in it counts as erased, and the log ' +
        'does not order that'
      })),
    ...falselyRemoved.map(({ tenant, position }): RowDifference => (
      {
        tenant,
        position,
        kind: 'missing',
        what: 'its entry counts as removed, and no retention ' +
        'run of the log says so'
      }))
  ]
}

/** The log's own events at these positions, as far as rows lead to them. */
async function eventsAt (
  { pool, log }: { pool: Pool, log: Log }, places: readonly Place[]
): Promise<Map<string, DecodedEvent>> {
  const asked = new Map(places.map((place) => [keyOf(place), place]))
  const addresses = await inTransaction(pool, async (tx) =>
    await entryAddresses(tx, [...asked.values()]))
  const events = new Map<string, DecodedEvent>()
  for (const { tenant, position, stream, revision } of addresses) {
    const recorded = await readEvent(log, stream, revision)
    const decoded = recorded && decode(recorded)
    if (decoded?.ok !== true) continue
    const { event } = decoded
    if (event.position === position && tenantOf(event) === tenant) {
      events.set(keyOf({ tenant, position }), event)
    }
  }
  return events
}

function placeOf (event: DecodedEvent): Place {
  return { tenant: tenantOf(event), position: event.position }
}

function keyOf ({ tenant, position }: Place): string {
  return joined(tenant, String(position))
}

import { bigintColumn, textColumn, uuidColumn } from '../../projections/columns.ts'
import type { Projection } from '../../projections/projection.ts'
import { RETENTION_RAN, removedBy } from '../../projections/retention/removed.ts'
import { CHECKPOINT_ACTION } from '../../schemas/checkpoint.ts'
import type { DecodedEvent, Recorded } from '../../schemas/recorded.ts'
import type { Tx } from '../postgres/transaction.ts'
import { eraseFrom, findErased } from './erased.ts'
import { noFault, type Fault } from './fault.ts'
import type { Generation } from './generations.ts'
import type { Item } from './item.ts'

/** A projection, and the tables that it writes to. */
export interface Target {
  projection: Projection
  generation: Generation
}

/** Longest text of an event's data that is kept; enough for every event of our own. */
const PARKED_DATA_MAX = 65_536

interface Parked {
  recorded: Recorded
  code: string
  reason: string
}

/** The search path under which each projection finds its own tables; no two share a name. */
export function searchPath (targets: readonly Target[]): string {
  return targets.map(({ generation }) => generation.schema).join(', ')
}

/**
 * Writes the rows of all targets, and what could not be taken to `control.parked`. Everything is
 * sent at once on a pipelined connection; with a fault, one projection after the other. Throws
 * the first error. Returns how many events were given to the projections.
 */
export async function writeRows (
  tx: Tx, targets: readonly Target[], items: readonly Item[], fault: Fault = noFault
): Promise<number> {
  let events = 0
  for (const part of untilRuns(items)) events += await writePart(tx, targets, part, fault)
  return events
}

/** What a retention run removes is gone before the next event: each run ends a part. */
function untilRuns (items: readonly Item[]): Item[][] {
  const ends = items.flatMap((item, at) =>
    'event' in item && item.event.action === RETENTION_RAN ? [at + 1] : [])
  const starts = [0, ...ends]
  return starts.map((start, at) => items.slice(start, starts[at + 1]))
    .filter((part) => part.length > 0)
}

async function writePart (
  tx: Tx, targets: readonly Target[], items: readonly Item[], fault: Fault
): Promise<number> {
  const parked: Parked[] = items.flatMap((item) =>
    'refused' in item ? [{ recorded: item.recorded, ...item.refused }] : [])
  const byEvent = new Map<DecodedEvent, Recorded>()
  for (const item of items) if ('event' in item) byEvent.set(item.event, item.recorded)
  const park = (event: DecodedEvent, code: string, reason: string): void => {
    const recorded = byEvent.get(event)
    if (recorded !== undefined) parked.push({ recorded, code, reason })
  }
  const events = [...byEvent.keys()]
  const history = events.filter(({ action }) => action !== CHECKPOINT_ACTION)
  const everything = items.flatMap(recordOf)
  // Asked for beside the rows: most batches name nobody who was erased, and wait for nothing.
  const asked = findErased(tx, history)
  asked.catch(() => undefined)
  await allSettled(targets, async ({ projection: { takes, apply } }) => {
    const given = takes === 'everything' ? everything : history
    if (given.length > 0) await apply({ events: given, park }, tx)
  }, fault)
  await eraseFrom(tx, targets, await asked)
  await fault('erased')
  await removeFrom(tx, targets, events.at(-1))
  await fault('removed')
  if (parked.length > 0) await insertParked(tx, parked)
  await fault('parked')
  return events.length
}

/** Removes what the event says, if it is a retention run, from all targets' rows. */
async function removeFrom (
  tx: Tx, targets: readonly Target[], event: DecodedEvent | undefined
): Promise<void> {
  const removed = event && removedBy(event)
  if (removed === undefined) return
  for (const { projection } of targets) await projection.remove?.(removed, tx)
}

/** What is a record of ours, whether or not it has rows. */
function recordOf (item: Item): DecodedEvent[] {
  const event = 'event' in item ? item.event : item.unprojectable
  return event === undefined ? [] : [event]
}

async function allSettled (
  targets: readonly Target[], apply: (target: Target) => Promise<void>, fault: Fault
): Promise<void> {
  if (fault !== noFault) {
    for (const target of targets) {
      await apply(target)
      await fault('rows of ' + target.projection.name)
    }
    return
  }
  // All are waited for: nothing may still be under way when the transaction is rolled back.
  for (const result of await Promise.allSettled(targets.map(apply))) {
    if (result.status === 'rejected') throw result.reason
  }
}

async function insertParked (tx: Tx, parked: readonly Parked[]): Promise<void> {
  await tx.query(`
    insert into control.parked (
      position, stream, revision, event_id, event_type, reason_code, reason, data)
    select * from unnest(
      $1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[],
      $8::text[])
    on conflict (position) do nothing`, [
    bigintColumn(parked.map(({ recorded }) => recorded.position)),
    textColumn(parked.map(({ recorded }) => recorded.stream)),
    bigintColumn(parked.map(({ recorded }) => recorded.revision)),
    uuidColumn(parked.map(({ recorded }) => recorded.id)),
    textColumn(parked.map(({ recorded }) => recorded.type)),
    textColumn(parked.map(({ code }) => code)),
    textColumn(parked.map(({ reason }) => reason)),
    textColumn(parked.map(({ recorded }) => dataText(recorded.data)))
  ])
}

/** Bytes of another program's event are shown as base64url; it is for people to look at. */
function dataText (data: unknown): string | null {
  const text = data instanceof Uint8Array
    ? Buffer.from(data.subarray(0, PARKED_DATA_MAX)).toString('base64url')
    : JSON.stringify(data)
  return text?.slice(0, PARKED_DATA_MAX) ?? null
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { projectedLookup, type EventRow } from '../../projections/entries/queries.ts'
import { countRemoved } from '../../projections/entries/removed.ts'
import { fold } from '../../projections/entity-trails/fold.ts'
import { trailUntil, type EntityKey, type Until } from '../../projections/entity-trails/queries.ts'
import type { Tx } from '../../projections/projection.ts'
import type { AsOf, SetBy } from '../../schemas/http/entities.ts'
import { getAt } from '../../schemas/pointer.ts'
import { LedgerError } from '../errors.ts'
import { streamName } from '../ledger/streams.ts'
import { callerOf, tenantOf } from './auth.ts'
import { AT_LEAST_WAIT_MS } from './consistency.ts'
import type { Moment } from './moment.ts'
import { accessOf, presentRows } from './present.ts'
import { readTenant } from './reading.ts'
import type { Services } from './services.ts'
import { stepOf, type ShownEvent } from './state-step.ts'
import { refusal } from './validator.ts'

/** A state is folded from so many events at most. */
export const STATE_EVENTS_MAX = 100_000

/** A value of a state, and the event that set it. */
export interface Blame {
  path: string
  value: unknown
  event: ShownEvent
}

/** What an entity was at a moment. */
export interface StateAt {
  /** false: nothing is known of it, or it was deleted; the state is null then. */
  exists: boolean
  state: unknown
  setBy: Record<string, SetBy>
  /** The same with the whole events, and the values. */
  blame: Blame[]
  asOf: AsOf
  events: number
  /** Events that say something of the state which the reader cannot see. */
  hidden: number
  /** Events that retention removed. */
  removed: number
}

/**
 * What an entity was at each of the moments, in one reading. Never another moment than was asked
 * for: throws NOT_FOUND for a revision that the stream does not have, LAGGING when reads do not
 * show everything up to the moment yet.
 */
export async function statesAt (
  services: Services, { request, reply }: { request: FastifyRequest, reply: FastifyReply },
  entity: EntityKey, moments: readonly Moment[]
): Promise<StateAt[]> {
  const position = await positionNeeded(services, moments)
  if (position !== undefined) await awaitPosition(services, position)
  const caller = callerOf(request)
  const reader = { tenant: tenantOf(caller), access: accessOf(caller) }
  const trails = await readTenant(services, request, reply, async (tx) => {
    const read: Trail[] = []
    for (const moment of moments) {
      if (moment.kind === 'revision') {
        await requireRevision(tx, reader.tenant, entity, moment.revision)
      }
      const until = untilOf(moment)
      const rows = await readTrail(tx, entity, until)
      read.push({ rows, removed: await removedOf(tx, reader.tenant, entity, { until, rows }) })
    }
    return read
  })
  request.eventsRead = trails.reduce((sum, { rows }) => sum + rows.length, 0)
  return await Promise.all(trails.map(async ({ rows, removed }, index) => {
    const texts = await presentRows(services, reader, rows)
    const shown = texts.map((text): ShownEvent => JSON.parse(text))
    return { ...foldAll(inOrder(shown, moments[index])), removed }
  }))
}

interface Trail {
  rows: EventRow[]
  removed: number
}

/** How many events are missing up to the moment. Throws REMOVED if none is left to answer from. */
async function removedOf (
  tx: Tx, tenant: string, { type, key }: EntityKey, { until, rows }: {
    until: Until, rows: readonly EventRow[]
  }
): Promise<number> {
  const removed = await countRemoved(tx, streamName({ tenant, type, key }), until)
  if (removed === 0 || rows.length > 0) return removed
  throw new LedgerError('REMOVED', 'Retention removed everything that happened to it until then ' +
    'from reads; the log still has it: replay its stream', { extra: { removed } })
}

/** A time can only be answered when everything that the log holds now is shown, or nothing. */
async function positionNeeded (
  { log }: Services, moments: readonly Moment[]
): Promise<bigint | undefined> {
  const positions = moments.flatMap((moment) => moment.kind === 'position' ? [moment.position] : [])
  const timed = moments.some(({ kind }) => kind === 'time')
  if (!timed && positions.length === 0) return undefined
  const head = (await log.head())?.commit ?? 0n
  const beyond = positions.find((position) => position > head)
  if (beyond === undefined) return timed ? head : greatest(positions)
  throw new LedgerError('NOT_FOUND', `The log ends at ${head}: there is no position ${beyond}`)
}

async function awaitPosition ({ progress }: Services, position: bigint): Promise<void> {
  if (await progress.reached(position, AT_LEAST_WAIT_MS)) return
  throw new LedgerError('LAGGING', 'reads do not show everything up to that moment', {
    retryAfterS: 1, extra: { asked: String(position) }
  })
}

async function requireRevision (
  tx: Tx, tenant: string, { type, key }: EntityKey, revision: bigint
): Promise<void> {
  const stream = streamName({ tenant, type, key })
  const { revisions } = await projectedLookup(tx, [], [stream])
  const last = revisions.get(stream)
  if (last !== undefined && revision <= last) return
  const known = last === undefined ? 'it has none' : `its last one is ${last}`
  throw new LedgerError('NOT_FOUND', `Reads show no revision ${revision} of this entity: ${known}`)
}

async function readTrail (tx: Tx, entity: EntityKey, until: Until): Promise<EventRow[]> {
  const rows: EventRow[] = []
  for await (const row of trailUntil(tx, entity, until)) {
    if (rows.push(row) > STATE_EVENTS_MAX) {
      throw refusal([{
        pointer: 'id',
        detail: `has more than ${STATE_EVENTS_MAX} events: replay its stream instead`
      }])
    }
  }
  return rows
}

function untilOf (moment: Moment): Until {
  switch (moment.kind) {
    case 'latest': return {}
    case 'revision': return { revision: moment.revision }
    case 'position': return { position: moment.position }
    case 'time': return moment.axis === 'recorded'
      ? { recordedAt: moment.time }
      : { occurredAt: moment.time }
  }
}

/** The log's order, but by the producers' clocks where those are asked for. */
function inOrder (events: ShownEvent[], moment: Moment | undefined): ShownEvent[] {
  if (moment?.kind !== 'time' || moment.axis !== 'occurred') return events
  return events.toSorted((one, other) => Date.parse(one.occurredAt) - Date.parse(other.occurredAt))
}

function foldAll (events: readonly ShownEvent[]): Omit<StateAt, 'removed'> {
  const seen = events.map(stepOf)
  const { state, setBy } = fold(seen.map(({ step }) => step))
  const byId = new Map(events.map((event) => [event.id, event]))
  return {
    blame: [...setBy].flatMap(([path, { id }]) => {
      const event = byId.get(id)
      return event === undefined ? [] : [{ path, value: getAt(state, path), event }]
    }),
    exists: state !== undefined,
    state: state ?? null,
    setBy: Object.fromEntries(setBy),
    asOf: asOf(events.at(-1)),
    events: events.length,
    hidden: seen.filter(({ hidden }) => hidden).length
  }
}

function asOf (last: ShownEvent | undefined): AsOf {
  if (last === undefined) return null
  const { id, revision, position, occurredAt, recordedAt } = last
  return { id, revision, position, occurredAt, recordedAt }
}

function greatest (positions: readonly bigint[]): bigint {
  return positions.reduce<bigint>((most, position) => position > most ? position : most, 0n)
}

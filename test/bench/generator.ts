import type { EventInput } from '../../schemas/events/index.ts'
import type { Actor, EntityRef } from '../../schemas/primitives.ts'
import { seededRandom, type Random } from '../../src/sample/random.ts'

/** Names of the tenants, the busiest first. */
export const TENANTS = ['bench-large', 'bench-medium', 'bench-small'] as const
const TENANT_SHARES = [0.6, 0.9, 1]
export const USERS = 5_000
export const ENTITIES = 20_000

const ENTITY_TYPES = ['order', 'invoice', 'document', 'contract', 'ticket', 'customer'] as const
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36'
] as const
const STATES = ['draft', 'submitted', 'approved', 'shipped', 'paid', 'closed'] as const
export const START_MS = Date.UTC(2026, 0, 1)

/** The n-th user, 0 being the busiest. */
export function userOf (rank: number): Extract<Actor, { type: 'user' }> {
  const id = `u-${String(rank).padStart(5, '0')}`
  return { type: 'user', id, name: `User Number ${rank}`, email: `${id}@example.com` }
}

/** The n-th entity, 0 being the one that most happens to. */
export function entityOf (rank: number): EntityRef {
  const type = ENTITY_TYPES[rank % ENTITY_TYPES.length] ?? 'order'
  return { type, id: `${type.slice(0, 3)}-${String(rank).padStart(6, '0')}` }
}

/** Ranks from 0, each about as often as 1 / (rank + 1): Zipf's law with exponent 1. */
export function zipf (count: number): (random: Random) => number {
  const upTo = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) upTo[rank] = sum += 1 / (rank + 1)
  return (random) => {
    const wanted = random.next() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((upTo[middle] ?? sum) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Index into TENANTS: most of what happens, happens to the first. */
export function pickTenant (random: Random): number {
  const point = random.next()
  return TENANT_SHARES.findIndex((share) => point < share)
}

/**
 * An endless seeded series of events of about 600 bytes of JSON, as producers send them. The id
 * is a placeholder of the right form; whoever sends the event writes its own over it.
 */
export function eventSeries (seed: number): () => EventInput {
  const random = seededRandom(seed)
  const user = zipf(USERS)
  const entity = zipf(ENTITIES)
  let index = 0
  return () => {
    index++
    const base = {
      id: PLACEHOLDER_ID,
      actor: actorOf(random, user),
      outcome: random.chance(0.95) ? 'success' as const : 'failure' as const,
      occurredAt: new Date(START_MS + index * 977).toISOString(),
      context: {
        ip: `203.0.113.${random.between(1, 254)}`,
        userAgent: random.pick(AGENTS),
        sessionId: `s-${random.between(100_000, 999_999)}`
      }
    }
    const target = entityOf(entity(random))
    return random.chance(0.7)
      ? { ...base, ...changed(random, target) }
      : { ...base, ...other(random, target) }
  }
}

/** Where an id stands in a serialised event, until it gets its own. */
export const PLACEHOLDER_ID = '00000000-0000-8000-a000-000000000000'

function actorOf (random: Random, user: (random: Random) => number): Actor {
  if (random.chance(0.85)) return userOf(user(random))
  return random.chance(0.7)
    ? { type: 'service', id: `svc-${random.between(1, 20)}`, name: 'Nightly import' }
    : { type: 'system' }
}

/** A change with its diff: two fields of five differ. */
function changed (random: Random, entity: EntityRef): Partial<EventInput> & Kind {
  const before = {
    status: random.pick(STATES),
    quantity: random.between(1, 99),
    total: `${random.between(10, 9_999)}.50`,
    assignee: `team-${random.between(1, 12)}`
  }
  const after = { ...before, status: random.pick(STATES), quantity: random.between(1, 99) }
  return {
    action: `${entity.type}.updated`,
    category: 'change',
    entity,
    before,
    after,
    tags: ['web'],
    data: { operation: 'update' }
  }
}

function other (random: Random, entity: EntityRef): Partial<EventInput> & Kind {
  if (random.chance(0.5)) {
    return {
      action: `${entity.type}.viewed`,
      category: 'access',
      entity,
      description: `Opened ${entity.type} ${entity.id}`,
      data: {
        operation: 'read',
        fields: ['id', 'status', 'total', 'assignee'],
        permission: 'orders.read',
        filters: { status: random.pick(STATES) },
        rowCount: 1
      }
    }
  }
  return {
    action: 'api.called',
    category: 'api',
    entity,
    data: {
      method: random.pick(['GET', 'POST', 'PATCH']),
      endpoint: `/api/${entity.type}s/${entity.id}`,
      statusCode: 200,
      durationMs: random.between(2, 400),
      request: { page: random.between(1, 40), sort: '-updatedAt', include: 'lines' },
      headers: { 'x-client': 'web/4.11.2' }
    }
  }
}

type Kind = Pick<EventInput, 'action' | 'category'>

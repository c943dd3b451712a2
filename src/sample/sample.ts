import type { EventInput } from '../../schemas/events/index.ts'
import { seededRandom } from './random.ts'
import { coequal } from './stories/coequal.ts'
import { equa } from './stories/equa.ts'
import { mosaic } from './stories/mosaic.ts'
import { sovrium } from './stories/sovrium.ts'
import { truledgr } from './stories/truledgr.ts'
import type { Story } from './story.ts'

export interface SampleTenant {
  name: string
  stories: readonly [Story, ...Story[]]
}

/** A school and a trading company: between them they speak all five vocabularies. */
export const SAMPLE_TENANTS: readonly SampleTenant[] = [
  { name: 'maple-school', stories: [coequal, mosaic] },
  { name: 'harbor-trade', stories: [sovrium, equa, truledgr] }
]

export interface SampleOptions {
  tenant: SampleTenant
  seed: number
  count: number
  /** The moment of the last event, milliseconds since 1970. */
  untilMs: number
  /** How far back the first event lies. */
  days: number
}

const DAY_MS = 86_400_000
/** Seconds between two events of one story, at most. */
const PAUSE_MAX_S = 240

/** Exactly `count` events in time order, each with an id and a time; the seed decides them all. */
export function sampleEvents (options: SampleOptions): EventInput[] {
  const { tenant, seed, count, untilMs, days } = options
  const random = seededRandom(seed)
  const events: EventInput[] = []
  while (events.length < count) {
    let atMs = untilMs - random.next() * days * DAY_MS
    const correlationId = random.uuid()
    for (const event of random.pick(tenant.stories)(random)) {
      const occurredAt = new Date(Math.min(atMs, untilMs)).toISOString()
      events.push({ id: random.uuid(), ...event, occurredAt, correlationId })
      atMs += random.between(1, PAUSE_MAX_S) * 1_000
    }
  }
  events.length = count
  return events.sort((left, right) => {
    return (left.occurredAt ?? '').localeCompare(right.occurredAt ?? '')
  })
}

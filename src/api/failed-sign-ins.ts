import type { EventView } from '../../schemas/http/events.ts'
import type { FailedSignIns } from '../../schemas/http/sign-ins.ts'

type Actor = EventView['actor']
type Shown = FailedSignIns['groups'][number]

/** How failed sign-ins are counted. */
export interface Counting {
  groupBy: 'user' | 'address'
  /** Smaller groups are left out. */
  threshold: number
  top: number
}

interface Group {
  actor: Actor
  address: string
  events: number
  firstMs: number
  lastMs: number
  /** The addresses of a user, or the users of an address. */
  others: Set<string>
}

/** Counts sign-ins as they come, opened, the newest first; `result` says the largest groups. */
export function countSignIns ({ groupBy, threshold, top }: Counting) {
  const groups = new Map<string, Group>()
  let events = 0
  let unknown = 0
  return {
    add ({ actor, context, occurredAt }: EventView): void {
      events++
      const address = typeof context?.['ip'] === 'string' ? context['ip'] : ''
      const user = keyOf(actor)
      const [key, other] = groupBy === 'user' ? [user, address] : [address, user]
      if (key === '') {
        unknown++
        return
      }
      const at = Date.parse(occurredAt)
      const group = groups.get(key) ??
        { actor, address, events: 0, firstMs: at, lastMs: at, others: new Set<string>() }
      groups.set(key, group)
      group.events++
      group.firstMs = Math.min(group.firstMs, at)
      group.lastMs = Math.max(group.lastMs, at)
      if (other !== '') group.others.add(other)
    },
    result (): Omit<FailedSignIns, 'complete'> {
      const large = [...groups.values()].filter((group) => group.events >= threshold)
        .sort((one, other) => other.events - one.events || other.lastMs - one.lastMs)
      const show: (group: Group) => Shown = groupBy === 'user' ? ofUser : ofAddress
      return { groups: large.slice(0, top).map(show), size: large.length, events, unknown }
    }
  }
}

/** Whoever is the same is the same text; somebody erased is told from others by the erasure. */
function keyOf ({ type, id, erasure }: Actor): string {
  return JSON.stringify([type, id, erasure])
}

function ofUser ({ actor, others, ...group }: Group) {
  return { user: actor, ...countsOf(group), addresses: others.size }
}

function ofAddress ({ address, others, ...group }: Group) {
  return { address, ...countsOf(group), users: others.size }
}

function countsOf ({ events, firstMs, lastMs }: Pick<Group, 'events' | 'firstMs' | 'lastMs'>) {
  const [firstAt, lastAt] = [firstMs, lastMs].map((ms) => new Date(ms).toISOString())
  return { events, firstAt: firstAt ?? '', lastAt: lastAt ?? '' }
}

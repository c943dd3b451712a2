import type { EventView } from '../../../schemas/http/events.ts'
import { getAt } from '../../../schemas/pointer.ts'

/** The user who acted: null for programs, and where the reader may not see or nobody can. */
export function actingUserId ({ actor }: EventView): string | null {
  return actor.type === 'user' ? actor.id ?? null : null
}

/** A member of an event's data; undefined where there is none, or the data is hidden. */
export function dataMember ({ data }: EventView, name: string): unknown {
  return getAt(data, `/${name}`)
}

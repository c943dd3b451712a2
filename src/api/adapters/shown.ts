import type { EventView } from '../../../schemas/http/events.ts'

/** The user who acted: null for programs, and where the reader may not see or nobody can. */
export function actingUserId ({ actor }: EventView): string | null {
  return actor.type === 'user' ? actor.id ?? null : null
}

/** A member of an event's data; undefined where there is none, or the data is hidden. */
export function dataMember ({ data }: EventView, name: string): unknown {
  if (typeof data !== 'object' || data === null) return undefined
  return Object.hasOwn(data, name) ? Reflect.get(data, name) : undefined
}

import type { DecodedEvent, RecordedActor, RecordedEntity } from '../schemas/recorded.ts'

/** What stands for the actor in rows: a person's ref, otherwise the id, null for nobody. */
export function actorKey ({ ref, id }: RecordedActor): string | null {
  return ref ?? id ?? null
}

/** What stands for the entity in rows: a person's ref, otherwise the id. */
export function entityKey ({ ref, id }: RecordedEntity): string | null {
  return ref ?? id ?? null
}

/** The refs of all persons whom the event names, each once; first that of whoever did it. */
export function namedRefs ({ data }: DecodedEvent): string[] {
  const { actor, entity, related = [], sealed = [] } = data
  return [...new Set([actor, entity, ...related, ...sealed].flatMap((named) => named?.ref ?? []))]
}

/** Of several items with one key the first, in order. */
export function firstOfEach<T> (items: Iterable<T>, key: (item: T) => string): T[] {
  const found = new Map<string, T>()
  for (const item of items) {
    const name = key(item)
    if (!found.has(name)) found.set(name, item)
  }
  return [...found.values()]
}

/** Items by their key, each group in order. */
export function grouped<T> (items: Iterable<T>, key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const name = key(item)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  return groups
}

/** Several texts as one key that no other texts share. */
export function joined (...parts: ReadonlyArray<string | null>): string {
  return JSON.stringify(parts)
}

/** The tenant of an event: every row carries it. */
export function tenantOf (event: DecodedEvent): string {
  return event.data.tenant
}

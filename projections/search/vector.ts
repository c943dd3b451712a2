import { RESERVED_ACTION_PREFIX } from '../../schemas/primitives.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { tenantOf } from '../keys.ts'
import { placesOf } from './places.ts'
import { wordsOf } from './words.ts'

/** Words of an event that it is found by; what follows is not looked at. */
export const EVENT_WORDS_MAX = 4_000
/** Between one text and the next: no phrase goes from one into the other. */
const GAP = 2
/** Postgres counts no further. */
const PLACE_MAX = 16_383

/** The words of an event and their places, as text of a tsvector. */
export function vectorOf (event: DecodedEvent): string {
  const places = new Map<string, string>()
  let at = 1
  let left = EVENT_WORDS_MAX
  for (const text of textsOf(event)) {
    for (const word of wordsOf(text)) {
      if (left-- <= 0) break
      const known = places.get(word)
      places.set(word, known === undefined ? String(at) : `${known},${at}`)
      at = Math.min(at + 1, PLACE_MAX)
    }
    at = Math.min(at + GAP, PLACE_MAX)
  }
  // Neither words nor places hold anything that would have to be escaped.
  let vector = placesOf(tenantOf(event), event.position).map((piece) => `'${piece}'`).join(' ')
  for (const [word, positions] of places) vector += ` '${word}':${positions}`
  return vector
}

/**
 * What of an event is clear text to be found by: never a name or id of a person, which the
 * record does not hold, nor what is sealed, in whose place is nothing. Of the ledger's own events
 * that somebody read, only the action: whoever searches shall not find who searched before.
 */
function textsOf ({ action, data }: DecodedEvent): string[] {
  const texts = [action]
  if (data.category === 'access' && action.startsWith(RESERVED_ACTION_PREFIX)) return texts
  for (const entity of [data.entity, ...data.related ?? []]) {
    if (entity === undefined || entity.ref !== undefined) continue
    if (entity.id !== undefined) texts.push(entity.id)
    if (entity.name !== undefined) texts.push(entity.name)
  }
  for (const value of [data.description, data.tags, data.data, data.changes]) gather(value, texts)
  gather(data.before, texts)
  gather(data.after, texts)
  return texts
}

/** Adds the texts in a JSON value, which is no deeper than the door lets it be. */
function gather (value: unknown, texts: string[]): void {
  if (typeof value === 'string') texts.push(value)
  else if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) gather(member, texts)
  }
}

import type { Actor, EntityRef } from './event.ts'
import { storableText } from './storable.ts'

const ID_MAX_LENGTH = 256
const ENTITY_TYPE = /^(?!ledger_)[A-Za-z_][A-Za-z0-9_.-]{0,63}$/

/**
 * Who called, as the ledger takes it, even if the caller had a hand in their id: too long a text
 * is cut, and whoever has no id at all is anonymous.
 */
export function storableActor (actor: Actor | undefined): Actor {
  if (actor === undefined || actor.type === 'anonymous') return { type: 'anonymous' }
  const name = actor.name === undefined ? {} : textAs('name', actor.name)
  const id = actor.id === undefined ? {} : textAs('id', actor.id)
  if (actor.type === 'system') return { type: actor.type, ...id, ...name }
  if (id.id === undefined) return { type: 'anonymous' }
  if (actor.type !== 'user') return { type: actor.type, id: id.id, ...name }
  const email = actor.email === undefined ? {} : textAs('email', actor.email)
  return { type: actor.type, id: id.id, ...name, ...email }
}

/**
 * What a call is about, if the ledger takes it: ids often come from the address, and one that is
 * cut would be another's.
 */
export function storableEntity (entity: EntityRef | undefined): EntityRef | undefined {
  if (entity === undefined || !ENTITY_TYPE.test(entity.type)) return undefined
  const { type, id, name } = entity
  if (id === '' || storableText(id, ID_MAX_LENGTH) !== id) return undefined
  return { type, id, ...name === undefined ? {} : textAs('name', name) }
}

function textAs<K extends string> (key: K, text: string): { [key in K]?: string } {
  const shown = storableText(String(text), ID_MAX_LENGTH)
  return shown === '' ? {} : { [key]: shown } as { [key in K]: string }
}

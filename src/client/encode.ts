import { EVENT_MAX_BYTES } from '../../schemas/limits.ts'
import { formatPointer } from '../../schemas/pointer.ts'
import { UnsendableError } from './errors.ts'
import type { EventInput } from './event.ts'

/** An event as it is sent, however often: what its caller does to it later changes nothing. */
export interface Encoded {
  readonly id: string
  readonly text: string
  readonly bytes: number
}

export interface EncodeDeps {
  now: () => number
  newId: () => string
}

/** Deeper than the ledger takes; a value that contains itself ends here. */
const DEPTH_MAX = 64
/** What JSON.stringify turns into an object without members. */
const LOST = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Error', 'RegExp', 'Promise',
  'ArrayBuffer'])

/**
 * The JSON of an event, with an id and a time of its own if it has none. Throws UnsendableError
 * for what JSON would lose or change without a word, and beyond EVENT_MAX_BYTES. Everything else
 * is for the ledger to judge.
 */
export function encode (event: EventInput, { now, newId }: EncodeDeps): Encoded {
  const { id = newId(), occurredAt = new Date(now()).toISOString() } = event
  const whole: EventInput = { ...event, id, occurredAt }
  const fault = faultOf(whole, [])
  if (fault !== undefined) throw new UnsendableError(fault, whole)
  const text = JSON.stringify(whole)
  const bytes = Buffer.byteLength(text)
  if (bytes <= EVENT_MAX_BYTES) return { id, text, bytes }
  const detail = `is ${bytes} bytes long: an event has at most ${EVENT_MAX_BYTES}`
  throw new UnsendableError({ pointer: '', detail }, whole)
}

/** The first thing that JSON would lose; `way` is where the value is, and is left as it was. */
function faultOf (
  value: unknown, way: Array<string | number>
): { pointer: string, detail: string } | undefined {
  const detail = detailOf(value, way.length)
  if (detail !== undefined) return { pointer: formatPointer(way), detail }
  if (typeof value !== 'object' || value === null || hasToJson(value)) return undefined
  const items: Iterable<[string | number, unknown]> = Array.isArray(value)
    ? value.entries()
    : Object.entries(value).filter(([, member]) => member !== undefined)
  for (const [name, item] of items) {
    way.push(name)
    const fault = faultOf(item, way)
    if (fault !== undefined) return fault
    way.pop()
  }
  return undefined
}

function detailOf (value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? undefined : `is ${value}, which JSON does not have`
    case 'undefined': case 'function': case 'symbol': case 'bigint':
      return `is ${typeof value === 'undefined' ? '' : 'a '}${typeof value}, ` +
        'which JSON does not have'
    case 'object': {
      if (depth > DEPTH_MAX) return `is nested deeper than ${DEPTH_MAX} levels, or contains itself`
      const kind = Object.prototype.toString.call(value).slice('[object '.length, -1)
      return LOST.has(kind) ? `is a ${kind}, of which JSON would keep nothing` : undefined
    }
    default: return undefined
  }
}

function hasToJson (value: object): boolean {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}

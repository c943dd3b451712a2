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

interface Fault {
  pointer: string
  detail: string
}

/** The first thing that JSON would lose; `way` is where the value is, and is left as it was. */
function faultOf (value: unknown, way: Array<string | number>): Fault | undefined {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return undefined
  const detail = typeof value === 'object' ? objectFault(value, way.length) : scalarFault(value)
  if (detail !== undefined) return { pointer: formatPointer(way), detail }
  if (typeof value !== 'object' || 'toJSON' in value) return undefined
  return Array.isArray(value) ? itemFault(value, way) : memberFault(value, way)
}

function itemFault (items: readonly unknown[], way: Array<string | number>): Fault | undefined {
  for (let index = 0; index < items.length; index++) {
    way.push(index)
    const fault = faultOf(items[index], way)
    if (fault !== undefined) return fault
    way.pop()
  }
  return undefined
}

function memberFault (value: object, way: Array<string | number>): Fault | undefined {
  for (const name of Object.keys(value)) {
    const member: unknown = Reflect.get(value, name)
    // A member without a value is as good as not there, in JSON and here.
    if (member === undefined) continue
    way.push(name)
    const fault = faultOf(member, way)
    if (fault !== undefined) return fault
    way.pop()
  }
  return undefined
}

function scalarFault (value: unknown): string | undefined {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : `is ${value}, which JSON does not have`
  }
  return `is ${value === undefined ? 'undefined' : `a ${typeof value}`}, which JSON does not have`
}

function objectFault (value: object, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return `is nested deeper than ${DEPTH_MAX} levels, or contains itself`
  if (Object.getPrototypeOf(value) === Object.prototype) return undefined
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1)
  return LOST.has(kind) ? `is a ${kind}, of which JSON would keep nothing` : undefined
}

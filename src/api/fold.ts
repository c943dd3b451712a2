import { isDeepStrictEqual } from 'node:util'
import { escapeToken, parsePointer } from '../../schemas/pointer.ts'

const HIDDEN = new Set(['sealed', 'erased', 'tampered'])
/** What an erased value tells besides, once the rows know of the erasure. */
const BESIDE_ERASED = new Set(['erasure', 'erasedAt'])

/** The part of a shown event that says what an entity became; all as the producer had it. */
export interface StateEvent {
  before?: unknown
  after?: unknown
  changes?: unknown
  data?: unknown
}

/** What is known of an entity. */
export interface EntityState {
  /** false: nothing is known, or it was deleted. */
  exists: boolean
  state: unknown
  /** Events whose states are sealed from the reader or erased: what they changed is not in it. */
  hidden: number
}

export const NOTHING: EntityState = { exists: false, state: null, hidden: 0 }

/**
 * The state after one more event.
 * - `after` that is an object replaces the members it has; members that `before` has and `after`
 *   lacks are gone. So whole states and parts of states both come out right.
 * - `changes` are set one by one; a change without `after` removes.
 * - `before` alone fills in what nothing was known of.
 * - data.operation `create` starts anew, `delete` ends.
 * - What is hidden changes nothing, and is counted.
 */
export function foldState (known: EntityState, event: StateEvent): EntityState {
  const operation = operationOf(event)
  if (operation === 'delete') return NOTHING
  const hidden = known.hidden + Number(isHidden(event.after) || isHidden(event.changes))
  const before = visible(event.before)
  const after = visible(event.after)
  const changes: readonly unknown[] = Array.isArray(event.changes) ? event.changes : []
  const start = operation === 'create' ? null : known.exists ? known.state : before ?? null
  const silent = before === undefined && after === undefined && changes.length === 0
  if (silent && operation === undefined) return { ...known, hidden }
  const merged = after === undefined ? start : merge(start, before, after)
  return { exists: true, state: changes.reduce(applyChange, merged), hidden }
}

/** One difference of two states, at a JSON Pointer; a side that is absent has nothing there. */
export interface Difference {
  path: string
  before?: unknown
  after?: unknown
}

/** What differs, objects member by member; lists and everything else as wholes. */
export function diffStates (before: unknown, after: unknown, path = ''): Difference[] {
  if (isDeepStrictEqual(before, after)) return []
  if (!isObject(before) || !isObject(after)) {
    return [{ path, ...side('before', before), ...side('after', after) }]
  }
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap((name) => diffStates(
    memberOf(before, name), memberOf(after, name), `${path}/${escapeToken(name)}`))
}

function side (name: 'before' | 'after', value: unknown): object {
  return value === undefined ? {} : { [name]: value }
}

function merge (state: unknown, before: unknown, after: unknown): unknown {
  if (!isObject(state) || !isObject(after)) return after
  const gone = isObject(before)
    ? new Set(Object.keys(before).filter((name) => !Object.hasOwn(after, name)))
    : new Set<string>()
  const kept = Object.entries(state).filter(([name]) => !gone.has(name))
  return Object.fromEntries([...kept, ...Object.entries(after)])
}

function applyChange (state: unknown, change: unknown): unknown {
  if (!isObject(change)) return state
  const path = memberOf(change, 'path')
  if (typeof path !== 'string') return state
  return put(state, parsePointer(path), memberOf(change, 'after'))
}

/** Like setAt, but the way is made where it is missing: a change is all that is known of it. */
function put (node: unknown, [token, ...rest]: readonly string[], value: unknown): unknown {
  if (token === undefined) return value
  if (Array.isArray(node)) return putItem(node, token, rest, value)
  const members = isObject(node) ? node : {}
  const next = put(memberOf(members, token), rest, value)
  const others = Object.entries(members)
  if (next === undefined) return Object.fromEntries(others.filter(([name]) => name !== token))
  return Object.fromEntries([...others, [token, next]])
}

function putItem (
  items: readonly unknown[], token: string, rest: readonly string[], value: unknown
): unknown {
  const index = token === '-' ? items.length : Number(token)
  if (!Number.isInteger(index) || index < 0 || index > items.length) return items
  const next = put(items[index], rest, value)
  return next === undefined ? items.toSpliced(index, 1) : items.toSpliced(index, 1, next)
}

function operationOf ({ data }: StateEvent): unknown {
  return isObject(data) ? memberOf(data, 'operation') : undefined
}

/** What a reader is shown in place of a value: see src/privacy/open.ts. */
function isHidden (value: unknown): boolean {
  if (!isObject(value)) return false
  const names = Object.keys(value)
  const why = names.find((name) => HIDDEN.has(name))
  return why !== undefined && memberOf(value, why) === true && names.every((name) =>
    name === why || (why === 'erased' && BESIDE_ERASED.has(name)))
}

function visible (value: unknown): unknown {
  return isHidden(value) ? undefined : value
}

function memberOf (object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? Reflect.get(object, name) : undefined
}

function isObject (value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

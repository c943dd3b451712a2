import { escapeToken, getAt, parsePointer } from '../../schemas/pointer.ts'
import type { Change } from '../../schemas/primitives.ts'

/**
 * What has to change for `before` to become `after`: JSON Pointers with the value before (absent
 * where there was none) and after (absent where there is none any more). Objects and arrays are
 * compared inside, arrays by index; elements removed from an array's end come last one first, so
 * that applying one change after the other arrives at `after`. The empty pointer is the whole.
 */
export function diff (before: unknown, after: unknown): Change[] {
  const changes: Change[] = []
  compare('', before, after, changes)
  return changes
}

function compare (path: string, before: unknown, after: unknown, changes: Change[]): void {
  if (before === after) return
  if (Array.isArray(before) && Array.isArray(after)) {
    compareArrays(path, before, after, changes)
  } else if (isObject(before) && isObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const own = (object: object): unknown =>
        Object.hasOwn(object, name) ? Reflect.get(object, name) : undefined
      compare(`${path}/${escapeToken(name)}`, own(before), own(after), changes)
    }
  } else {
    changes.push({
      path,
      ...before === undefined ? {} : { before },
      ...after === undefined ? {} : { after }
    })
  }
}

function compareArrays (
  path: string, before: readonly unknown[], after: readonly unknown[], changes: Change[]
): void {
  const shared = Math.min(before.length, after.length)
  for (let i = 0; i < shared; i++) compare(`${path}/${i}`, before[i], after[i], changes)
  for (let i = before.length - 1; i >= shared; i--) {
    changes.push({ path: `${path}/${i}`, before: before[i] })
  }
  for (let i = shared; i < after.length; i++) {
    changes.push({ path: `${path}/${i}`, after: after[i] })
  }
}

/**
 * The value after the changes; the given one is left as it is. Where the way to a pointer does
 * not exist objects are made for it, for changes name what they know and no more. An index past
 * an array's end appends; removing what is not there changes nothing.
 */
export function patch (value: unknown, changes: readonly Change[]): unknown {
  return changes.reduce((state, { path, after }) => set(state, parsePointer(path), after), value)
}

function set (node: unknown, [token, ...rest]: string[], value: unknown): unknown {
  if (token === undefined) return value
  if (Array.isArray(node)) return setElement(node, token, rest, value)
  const object = isObject(node) ? node : {}
  const child = getAt(object, '/' + escapeToken(token))
  if (value === undefined && child === undefined) return node
  const next = set(child, rest, value)
  // Made anew from entries, which assigns no prototype whatever a member is called.
  return Object.fromEntries([
    ...Object.entries(object).filter(([name]) => name !== token || next !== undefined)
      .map(([name, member]) => [name, name === token ? next : member]),
    ...child === undefined && next !== undefined ? [[token, next]] : []
  ])
}

function setElement (
  array: readonly unknown[], token: string, rest: string[], value: unknown
): unknown[] {
  const index = /^(0|[1-9][0-9]{0,8})$/.test(token) ? Number(token) : array.length
  const next = set(array[index], rest, value)
  if (index < array.length) {
    return next === undefined ? array.toSpliced(index, 1) : array.with(index, next)
  }
  return next === undefined ? [...array] : [...array, next]
}

/** The pointers of everything that has nothing inside: scalars, empty objects and arrays. */
export function leaves (value: unknown, path = ''): string[] {
  if (value === undefined) return []
  const members = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (members.length === 0) return [path]
  return members.flatMap(([name, member]) => leaves(member, `${path}/${escapeToken(name)}`))
}

function isObject (value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** One thing that is wrong, at a JSON Pointer into the value, and what would be right. */
export interface Violation {
  pointer: string
  detail: string
}

/** One reference token as a JSON Pointer writes it: `~` becomes `~0`, `/` becomes `~1`. */
export function escapeToken (token: string): string {
  return /[~/]/.test(token) ? token.replaceAll('~', '~0').replaceAll('/', '~1') : token
}

/** The tokens of a JSON Pointer (RFC 6901); the empty pointer has none. */
export function parsePointer (pointer: string): string[] {
  const tokens = pointer.split('/').slice(1)
  return pointer.includes('~')
    ? tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    : tokens
}

/** The JSON Pointer of these tokens; array indexes may be numbers. */
export function formatPointer (tokens: ReadonlyArray<string | number>): string {
  return tokens.map((token) => '/' + escapeToken(String(token))).join('')
}

/** Whether `pointer` is `ancestor` itself or points into it. */
export function isWithin (pointer: string, ancestor: string): boolean {
  return pointer.startsWith(ancestor) &&
    (pointer.length === ancestor.length || pointer[ancestor.length] === '/')
}

/** How many tokens a JSON Pointer has. */
export function pointerDepth (pointer: string): number {
  let depth = 0
  for (let i = pointer.indexOf('/'); i !== -1; i = pointer.indexOf('/', i + 1)) depth++
  return depth
}

const INDEX = /^(0|[1-9][0-9]*)$/

function memberOf (parent: unknown, token: string): unknown {
  if (typeof parent !== 'object' || parent === null) return undefined
  if (Array.isArray(parent)) return INDEX.test(token) ? parent[Number(token)] : undefined
  return Object.hasOwn(parent, token) ? Reflect.get(parent, token) : undefined
}

/** The JSON value that a pointer names, undefined when nothing is there. */
export function getAt (root: unknown, pointer: string): unknown {
  let value = root
  for (const token of parsePointer(pointer)) value = memberOf(value, token)
  return value
}

/**
 * A copy of `root` with `value` at the pointer; undefined removes the member. Only what lies on
 * the way is copied. Where the way does not exist, `root` comes back as it is: nothing is invented.
 */
export function setAt (root: unknown, pointer: string, value: unknown): unknown {
  return setToken(root, parsePointer(pointer), value)
}

function setToken (node: unknown, [token, ...rest]: string[], value: unknown): unknown {
  if (token === undefined) return value
  if (typeof node !== 'object' || node === null) return node
  const child = memberOf(node, token)
  if (rest.length > 0 && child === undefined) return node
  const next = rest.length > 0 ? setToken(child, rest, value) : value
  if (Array.isArray(node)) {
    return memberOf(node, token) === undefined ? node : node.with(Number(token), next)
  }
  // Assigning to `__proto__` would set the prototype; the log may hold what the door never saw.
  if (token === '__proto__') return node
  const copy: Record<string, unknown> = { ...node }
  if (next === undefined) delete copy[token]
  else copy[token] = next
  return copy
}

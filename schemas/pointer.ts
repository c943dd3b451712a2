/** One thing that is wrong, at a JSON Pointer (RFC 6901) into the value, or a parameter's name. */
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

/** The nearest of the pointers that lies above this one; undefined if none does. */
export function nearestAbove (
  pointer: string, pointers: { has (pointer: string): boolean }
): string | undefined {
  for (let end = pointer.lastIndexOf('/'); end > 0; end = pointer.lastIndexOf('/', end - 1)) {
    const above = pointer.slice(0, end)
    if (pointers.has(above)) return above
  }
  return undefined
}

/** Whether one of two places is the other, or lies inside it. */
export function overlaps (one: string, other: string): boolean {
  return one === other || other.startsWith(`${one}/`) || one.startsWith(`${other}/`)
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

/** Changes to a JSON value that leave the value itself as it is. */
export interface Edit {
  /** What is at the pointer now, undefined for nothing. */
  get (pointer: string): unknown
  /**
   * Puts the value there; undefined removes the member. Where the way does not exist nothing
   * happens: no object on the way, and no array item, is invented.
   */
  set (pointer: string, value: unknown): void
  /** The changed value; shares with the original all that did not change. */
  result (): unknown
}

/** Starts an edit. Every object that has to change is copied first, and only once. */
export function edit (root: unknown): Edit {
  const box: Record<string, unknown> = { root }
  const copies = new Set<object>()

  function copyOf (value: object): object {
    if (copies.has(value)) return value
    const copy = Array.isArray(value) ? [...value] : { ...value }
    copies.add(copy)
    return copy
  }

  function set (pointer: string, value: unknown): void {
    let node: object = box
    let token = 'root'
    for (const next of parsePointer(pointer)) {
      const child = memberOf(node, token)
      if (typeof child !== 'object' || child === null) return
      const copy = copyOf(child)
      if (copy !== child) put(node, token, copy)
      node = copy
      token = next
    }
    put(node, token, value)
  }

  return { get: (pointer) => getAt(box['root'], pointer), set, result: () => box['root'] }
}

function put (node: object, token: string, value: unknown): void {
  if (Array.isArray(node) && memberOf(node, token) === undefined) return
  // Setting `__proto__` would set the prototype; the log may hold what the door never saw.
  if (token === '__proto__') return
  if (value === undefined) Reflect.deleteProperty(node, token)
  else Reflect.set(node, token, value)
}

import { parsePointer } from '../../schemas/pointer.ts'
import { redactText } from './redact-text.ts'
import { isSecretName, wordsOf } from './secret-names.ts'

export interface RedactOptions {
  /** Names of members whose values go as well, whatever their case and punctuation. */
  keys?: readonly string[]
  /** Places whose values go as well: JSON Pointers (RFC 6901), `*` for any one member or item. */
  paths?: readonly string[]
  /** Names of members that stay although they look secret: `tokenCount`. */
  keep?: readonly string[]
  /** What stands in place of a secret; `[redacted]`. */
  replacement?: string
}

export const REDACTED = '[redacted]'
/** Deeper than the ledger takes; what is below is left out, and so is what contains itself. */
const DEPTH_MAX = 32

interface Rules {
  isSecret: (name: string) => boolean
  paths: ReadonlyArray<readonly string[]>
  replacement: string
}

/**
 * A copy of a JSON value without its secrets; the value itself is never changed. By default that
 * is the value of every member whose name tells of a password, token, key, cookie, card number or
 * the like, and inside texts what looks like one: card numbers, credentials, tokens, private
 * keys, and `name=value` or `"name": "value"` of such a name. What JSON has nothing for (a Map, an
 * Error) is replaced as a whole. Redacting twice changes nothing.
 */
export function redact (value: unknown, options: RedactOptions = {}): unknown {
  const { keys = [], paths = [], keep = [], replacement = REDACTED } = options
  const [added, kept] = [new Set(keys.map(nameOf)), new Set(keep.map(nameOf))]
  return copy(value, { way: [], above: [] }, {
    isSecret: (name) => {
      const plain = nameOf(name)
      return added.has(plain) || (!kept.has(plain) && isSecretName(name))
    },
    paths: paths.map(parsePointer),
    replacement
  })
}

function nameOf (name: string): string {
  return wordsOf(name).join('')
}

interface Place {
  way: readonly string[]
  /** The objects on the way, to know one that contains itself. */
  above: readonly object[]
}

function copy (value: unknown, { way, above }: Place, rules: Rules): unknown {
  if (rules.paths.some((path) => isAt(path, way))) return rules.replacement
  if (typeof value === 'string') return redactText(value, rules)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (way.length >= DEPTH_MAX || above.includes(value)) return rules.replacement
  const below = (name: string): Place => ({ way: [...way, name], above: [...above, value] })
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return copy(value.toJSON(), { way, above: [...above, value] }, rules)
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => copy(item, below(String(index)), rules))
  }
  if (Object.prototype.toString.call(value) !== '[object Object]') return rules.replacement
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [
    name,
    // Nothing was there: saying that something was would be another fact.
    rules.isSecret(name) && member !== null && member !== undefined
      ? rules.replacement
      : copy(member, below(name), rules)
  ]))
}

function isAt (path: readonly string[], way: readonly string[]): boolean {
  return path.length === way.length &&
    path.every((token, index) => token === '*' || token === way[index])
}

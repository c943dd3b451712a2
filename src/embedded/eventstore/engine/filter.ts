/** Choosing events of `$all`. */
import type { FilterOptions } from '../wire/requests.ts'

/** Whether an event is wanted. */
export type Filter = (names: { readonly stream: string, readonly type: string }) => boolean

/**
 * Compiles a filter. The real server reads .NET expressions; what JavaScript cannot read is
 * refused.
 * @throws {SyntaxError} when the regular expression is none.
 */
export function compileFilter (options: FilterOptions): Filter {
  const { on, prefixes, regex } = options
  if (prefixes.length > 0) {
    return (names) => prefixes.some((prefix) => names[on].startsWith(prefix))
  }
  const pattern = new RegExp(regex ?? '', 'u')
  return (names) => pattern.test(names[on])
}

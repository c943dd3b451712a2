/**
 * Columns of a batch as parameters for `unnest`: a text that Postgres reads as an array. Written
 * by hand because the driver's own arrays cost more than everything else done per row.
 */

/** Stands between the values of a jsonColumn; JSON text never contains it unescaped. */
const UNIT_SEPARATOR = '\u001f'
const NEEDS_ESCAPE = /["\\]/g

/**
 * For `$n::text[]`. Postgres has no U+0000 in text, so it becomes U+FFFD here; the event's own
 * JSON keeps it as an escape.
 */
export function textColumn (values: ReadonlyArray<string | null | undefined>): string {
  return '{' + values.map(textItem).join() + '}'
}

function textItem (value: string | null | undefined): string {
  if (value === null || value === undefined) return 'null'
  return '"' + value.replace(NEEDS_ESCAPE, '\\$&').replaceAll('\u0000', '\uFFFD') + '"'
}

/** For `$n::bigint[]`, `uuid[]` or `timestamptz[]`: values that need no quotes. */
export function plainColumn (values: ReadonlyArray<string | bigint | number>): string {
  return '{' + values.join() + '}'
}

/** Tenants and refs, for `$1::text[], $2::uuid[]`. */
export function personColumns (
  persons: ReadonlyArray<{ tenant: string, ref: string }>
): [string, string] {
  return [
    textColumn(persons.map(({ tenant }) => tenant)), plainColumn(persons.map(({ ref }) => ref))
  ]
}

/** For `$n::bytea[]`. */
export function bytesColumn (values: readonly Buffer[]): string {
  return '{' + values.map((value) => '"\\\\x' + value.toString('hex') + '"').join() + '}'
}

/**
 * JSON texts for `string_to_array($n, E'\x1f', '')`: spares escaping every quote in them. Null
 * stays null; an empty string would become null too, but is no JSON text.
 */
export function jsonColumn (values: ReadonlyArray<string | null>): string {
  return values.map((value) => value ?? '').join(UNIT_SEPARATOR)
}

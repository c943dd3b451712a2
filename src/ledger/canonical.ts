import canonicalize from 'canonicalize'

/**
 * RFC 8785 canonical JSON of a value that was parsed from JSON. What the ledger wrote has its
 * members in order already: then the engine's own JSON.stringify gives the same text, several
 * times faster. Throws for lone surrogates, which have no canonical form.
 */
export function canonicalText (value: unknown): string {
  if (isInOrder(value)) {
    const text = JSON.stringify(value)
    // How JSON.stringify writes lone surrogates; or an honest backslash, for the long way to tell.
    if (!text.includes('\\ud')) return text
  }
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('not a JSON value')
  return text
}

/** Whether all members of all objects are in the order of their UTF-16 code units. */
function isInOrder (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value !== undefined
  if (Array.isArray(value)) return value.every(isInOrder)
  let before = ''
  for (const [name, member] of Object.entries(value)) {
    if (name < before || !isInOrder(member)) return false
    before = name
  }
  return true
}

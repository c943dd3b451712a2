/** Deeper, wider and longer than this is cut, and says so. */
const DEPTH_MAX = 8
const MEMBERS_MAX = 256
const TEXT_MAX = 4_096
const CUT = '[cut]'
/** Names that the ledger does not take, for code downstream would take them for something else. */
const RESERVED = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * What somebody else sent, as JSON that the ledger takes: whoever calls an API must not be able
 * to keep the call out of the record by what they send. Reserved names get an underscore, numbers
 * that would be rounded become texts, half characters are replaced, and what is too deep, too
 * wide or longer than `bytesMax` of JSON is cut. Never throws.
 */
export function storable (value: unknown, bytesMax: number): unknown {
  const budget = { members: MEMBERS_MAX }
  try {
    const plain = plainOf(value, 0, budget)
    const bytes = Buffer.byteLength(JSON.stringify(plain) ?? '')
    return bytes <= bytesMax ? plain : { cut: true, bytes }
  } catch {
    // A getter, or a toJSON, of the value itself.
    return CUT
  }
}

/** A text of the outside world as a member of an event: without half characters, and so long. */
export function storableText (text: string, lengthMax: number): string {
  return text.slice(0, lengthMax).replace(/[\0\p{Surrogate}]/gu, '\ufffd')
}

function plainOf (value: unknown, depth: number, budget: { members: number }): unknown {
  switch (typeof value) {
    // As a whole: half a text is half a secret that nobody recognises any more.
    case 'string': return value.length > TEXT_MAX ? CUT : storableText(value, TEXT_MAX)
    case 'number': {
      const isExact = Number.isFinite(value) &&
        (!Number.isInteger(value) || Number.isSafeInteger(value))
      return isExact ? value : String(value)
    }
    case 'bigint': return String(value)
    case 'object': return value === null ? null : objectOf(value, depth, budget)
    case 'boolean': return value
    default: return undefined
  }
}

function objectOf (value: object, depth: number, budget: { members: number }): unknown {
  if (Buffer.isBuffer(value)) return { cut: true, bytes: value.length }
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return plainOf(value.toJSON(), depth + 1, budget)
  }
  if (depth >= DEPTH_MAX) return CUT
  if (Array.isArray(value)) {
    const items = value.slice(0, budget.members)
    budget.members -= items.length
    const plain = items.map((item) => plainOf(item, depth + 1, budget) ?? null)
    return items.length === value.length ? plain : [...plain, CUT]
  }
  const members: Array<[string, unknown]> = []
  for (const [name, member] of Object.entries(value)) {
    if (budget.members-- <= 0) return { ...Object.fromEntries(members), [CUT]: true }
    const text = storableText(name, TEXT_MAX)
    const plain = plainOf(member, depth + 1, budget)
    if (plain !== undefined) members.push([RESERVED.has(text) ? `_${text}` : text, plain])
  }
  return Object.fromEntries(members)
}

const NUMBER_BYTES = 8
const MEMBER_BYTES = 4

/**
 * About how many bytes a JSON value takes as text, without making the text. Good for bounding
 * memory, wrong for anything exact: escapes and multi-byte characters count as one.
 */
export function roughSize (value: unknown): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return NUMBER_BYTES
  if (value instanceof Uint8Array) return value.length
  let size = 2
  if (Array.isArray(value)) {
    for (const item of value) size += roughSize(item) + 1
    return size
  }
  for (const [name, member] of Object.entries(value)) {
    size += name.length + MEMBER_BYTES + roughSize(member)
  }
  return size
}

/**
 * Which event ids were appended lately, so that a repeated append with any expected revision can be
 * recognised. Bounded and forgotten at a restart, as in the real server: best effort only.
 */
export interface KnownIds {
  add (id: string, stream: string, revision: number): void
  /** The revision under which the id was last appended, if that was to this stream. */
  find (id: string, stream: string): number | undefined
}

interface Known { readonly stream: string, readonly revision: number }

/** Two generations of maps: when the younger is full the older goes, which costs nothing per id. */
export function createKnownIds (maxBytes = 8 * 1024 * 1024): KnownIds {
  let young = new Map<string, Known>()
  let old = new Map<string, Known>()
  let bytes = 0
  return {
    add (id, stream, revision) {
      young.set(id, { stream, revision })
      bytes += 28 + 2 * stream.length
      if (bytes <= maxBytes / 2) return
      old = young
      young = new Map()
      bytes = 0
    },
    find (id, stream) {
      const known = young.get(id) ?? old.get(id)
      return known?.stream === stream ? known.revision : undefined
    }
  }
}

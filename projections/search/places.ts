/**
 * Events are searched the newest first, piece by piece of the log: a piece is named by a lexeme
 * of its own in the words of every event in it, so that one index finds the words of one tenant
 * in one piece. Small ones answer what is common, large ones find out quickly that nothing is
 * there. SQL has the size of the small ones too: control.has_words, and the statement that removes.
 */

/** A kind of piece: its mark in the lexeme, and the binary logarithm of its length in the log. */
export interface Level {
  mark: '/' | ':'
  bits: bigint
}

/** About 1,500 events. */
export const SMALL: Level = { mark: '/', bits: 21n }
/** About 50,000 events. */
export const LARGE: Level = { mark: ':', bits: 26n }

/** So many small pieces are looked through before the large ones. */
const SMALL_MAX = 4

/** The lexemes of the pieces that the event is in. */
export function placesOf (tenant: string, position: bigint): string[] {
  return [SMALL, LARGE].map(({ mark, bits }) =>
    `${tenant}${mark}${(position >> bits).toString(16)}`)
}

/** A part of the log, from `low` inclusive to `high` exclusive, inside of one piece. */
export interface Part {
  level: Level
  low: bigint
  high: bigint
}

/** The parts of the log from `low` to `high` (exclusive), the newest first, or the oldest. */
export function partsBetween (low: bigint, high: bigint, oldestFirst = false): Part[] {
  const parts: Part[] = []
  let [from, to] = [low, high]
  while (from < to) {
    const level = parts.length < SMALL_MAX ? SMALL : LARGE
    const piece = (oldestFirst ? from : to - 1n) >> level.bits
    const [start, end] = [piece << level.bits, (piece + 1n) << level.bits]
    if (oldestFirst) {
      const high = end < to ? end : to
      parts.push({ level, low: from, high })
      from = high
    } else {
      const low = start > from ? start : from
      parts.push({ level, low, high: to })
      to = low
    }
  }
  return parts
}

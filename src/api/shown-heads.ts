import type { EventRow } from '../../projections/entries/queries.ts'

/** What a head was opened from: with another of these it is opened anew. */
type HeadRow = Pick<EventRow, 'id' | 'stream' | 'head' | 'sealed'>

interface Shown extends HeadRow {
  text: string
}

/** Heads that data keys have opened, one for each person, as their readers were shown them. */
export interface ShownHeads {
  /** The JSON text, if this very row was opened by these very keys not long ago. */
  get (dataKeys: readonly Buffer[], row: HeadRow): string | undefined
  put (dataKeys: readonly Buffer[], row: HeadRow, text: string): void
}

/** What the keys on the way to here have opened. It is gone as soon as one of them is. */
class Opened {
  readonly byId = new Map<string, Shown>()
  readonly next = new WeakMap<Buffer, Opened>()

  by (dataKeys: readonly Buffer[]): Opened | undefined {
    return dataKeys.reduce<Opened | undefined>((node, key) => node?.next.get(key), this)
  }

  reach (dataKeys: readonly Buffer[]): Opened {
    return dataKeys.reduce<Opened>((node, key) => {
      const next = node.next.get(key) ?? new Opened()
      node.next.set(key, next)
      return next
    }, this)
  }
}

/**
 * Pages that are read again and again are not opened again and again. A text lives no longer than
 * each of the keys in the vault's memory that opened it: whoever makes the vault forget a key, as
 * an erasure does, takes what it opened with it. Holds between `max / 2` and `max` texts.
 */
export function createShownHeads (max: number): ShownHeads {
  let [young, old] = [new Opened(), new Opened()]
  let count = 0

  const put = (dataKeys: readonly Buffer[], shown: Shown): void => {
    if (count >= max / 2) {
      [young, old] = [new Opened(), young]
      count = 0
    }
    young.reach(dataKeys).byId.set(shown.id, shown)
    count++
  }

  return {
    get (dataKeys, row) {
      const recent = young.by(dataKeys)?.byId.get(row.id)
      if (recent !== undefined && isSame(recent, row)) return recent.text
      const older = old.by(dataKeys)?.byId.get(row.id)
      if (older === undefined || !isSame(older, row)) return undefined
      put(dataKeys, older)
      return older.text
    },
    put (dataKeys, { id, stream, head, sealed }, text) {
      put(dataKeys, { id, stream, head, sealed, text })
    }
  }
}

function isSame (shown: Shown, { stream, head, sealed }: HeadRow): boolean {
  return shown.stream === stream && shown.head === head && shown.sealed === sealed
}

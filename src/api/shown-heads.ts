import type { EventRow } from '../../projections/entries/queries.ts'

/** What a head was opened from: with another of these it is opened anew. */
type HeadRow = Pick<EventRow, 'id' | 'stream' | 'head' | 'sealed'>

interface Shown extends HeadRow {
  text: string
}

/** Heads that were opened by one data key each, as their readers were shown them. */
export interface ShownHeads {
  /** The JSON text, if this very row was opened by this very key not long ago. */
  get (dataKey: Buffer, row: HeadRow): string | undefined
  put (dataKey: Buffer, row: HeadRow, text: string): void
}

type Age = WeakMap<Buffer, Map<string, Shown>>

/**
 * Pages that are read again and again are not opened again and again. A text lives no longer than
 * the key in the vault's memory that opened it: whoever makes the vault forget a key, as an
 * erasure does, takes what it opened with it. Holds between `max / 2` and `max` texts.
 */
export function createShownHeads (max: number): ShownHeads {
  let [young, old]: [Age, Age] = [new WeakMap(), new WeakMap()]
  let count = 0

  const put = (dataKey: Buffer, shown: Shown): void => {
    if (count >= max / 2) {
      [young, old] = [new WeakMap(), young]
      count = 0
    }
    const known = young.get(dataKey)
    if (known === undefined) young.set(dataKey, new Map([[shown.id, shown]]))
    else known.set(shown.id, shown)
    count++
  }

  return {
    get (dataKey, row) {
      const recent = young.get(dataKey)?.get(row.id)
      if (recent !== undefined && isSame(recent, row)) return recent.text
      const older = old.get(dataKey)?.get(row.id)
      if (older === undefined || !isSame(older, row)) return undefined
      put(dataKey, older)
      return older.text
    },
    put (dataKey, { id, stream, head, sealed }, text) {
      put(dataKey, { id, stream, head, sealed, text })
    }
  }
}

function isSame (shown: Shown, { stream, head, sealed }: HeadRow): boolean {
  return shown.stream === stream && shown.head === head && shown.sealed === sealed
}

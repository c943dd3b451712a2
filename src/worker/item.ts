import type { DecodedEvent, Recorded } from '../../schemas/recorded.ts'
import { decode } from '../ledger/codec.ts'
import { codeOf } from '../postgres/errors.ts'

/** An event of the log, and what the read models get of it. */
export type Item =
  | { recorded: Recorded, event: DecodedEvent }
  /** `unprojectable`: it is a record of ours, but Postgres refused its rows. */
  | { recorded: Recorded, refused: { code: string, reason: string }, unprojectable?: DecodedEvent }

/** Checks what the log returned; an event that is not ours is refused, with the reason. */
export function itemOf (recorded: Recorded): Item {
  const decoded = decode(recorded)
  if (decoded.ok) return { recorded, event: decoded.event }
  return { recorded, refused: { code: decoded.code, reason: decoded.reason } }
}

/** SQLSTATEs by which Postgres refuses values: bad data, a broken constraint, a value too large. */
const REFUSES_DATA = /^(22|23|54)/

/** Whether Postgres refused the data, as opposed to being away or the statement being wrong. */
export function refusesData (err: unknown): boolean {
  return REFUSES_DATA.test(codeOf(err))
}

/**
 * Applies the items with as few calls as possible. When Postgres refuses the data, halves are
 * tried, down to the event that it is about, which is then applied as refused: one event that no
 * one foresaw does not stop the others, and is shown. Any other error is thrown.
 */
export async function applySplitting (
  items: readonly Item[], apply: (items: readonly Item[]) => Promise<void>
): Promise<void> {
  try {
    await apply(items)
  } catch (err) {
    if (!refusesData(err)) throw err
    const [item] = items
    if (item === undefined) throw err
    if (items.length === 1) {
      if ('refused' in item) throw err
      const refused = { code: 'UNPROJECTABLE', reason: `SQLSTATE ${codeOf(err)}` }
      const { recorded, event: unprojectable } = item
      await apply([{ recorded, refused, unprojectable }])
      return
    }
    const middle = Math.ceil(items.length / 2)
    await applySplitting(items.slice(0, middle), apply)
    await applySplitting(items.slice(middle), apply)
  }
}

import type { SignedHead } from '../merkle/queries.ts'
import type { Tx } from '../projection.ts'

/** Cosignatures of one tree head. */
export interface Cosigned {
  size: bigint
  root: Buffer
  /** Of the event that carries them. */
  position: bigint
  recordedAt: string
  /** Signature lines as they stand under the checkpoint, each with its newline. */
  lines: string
}

const TENANT = "current_setting('ledger.tenant')"

const POSITION_MAX = 2n ** 63n - 1n

const COLUMNS = `size, root, position, lines,
  to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "recordedAt"`

const OF_SIZES = {
  name: 'cosignatures_of_sizes',
  text: `
    select distinct on (size, root) ${COLUMNS} from cosignature
    where tenant = ${TENANT} and size = any($1::bigint[]) and position <= $2
    order by size, root, position desc`
}

const LAST = {
  name: 'cosignatures_last',
  text: `
    select ${COLUMNS} from cosignature
    where tenant = ${TENANT} and position <= $1 order by size desc, position desc limit 1`
}

/** The largest tree head that was cosigned, up to a position; undefined if none was. */
export async function lastCosigned (
  tx: Tx, upTo = POSITION_MAX
): Promise<Cosigned | undefined> {
  const { rows: [row] } = await tx.query<Cosigned>(LAST, [upTo])
  return row
}

/** The same checkpoints with what witnesses have signed under them, up to a position. */
export async function withCosignatures (
  tx: Tx, heads: readonly SignedHead[], upTo = POSITION_MAX
): Promise<SignedHead[]> {
  if (heads.length === 0) return []
  const { rows } = await tx.query<Cosigned>(OF_SIZES, [heads.map(({ size }) => size), upTo])
  return heads.map((head) => {
    const found = rows.find(({ size, root }) => size === head.size && root.equals(head.root))
    return found === undefined
      ? head
      : { ...head, note: head.note + found.lines, cosignedAt: found.position }
  })
}

import { parseSignedCheckpoint, type Checkpoint } from '../proof/checkpoint.ts'
import { decodeHash, decodeUtf8, FormatError, parseDecimal } from '../proof/format.ts'

/** What a log asks: cosign this, it continues the tree of `old` leaves. */
export interface AddCheckpoint {
  old: bigint
  proof: readonly Buffer[]
  /** The signed note as it came. */
  note: string
  /** What the note says; its signatures are not checked yet. */
  checkpoint: Checkpoint
}

/** A longer consistency proof is of no tree below 2^63 leaves. */
export const PROOF_LINES_MAX = 63
/** Enough for the longest proof and a note with dozens of signatures. */
export const BODY_BYTES_MAX = 65_536

const OLD = 'old '

/** The body of a request: C2SP tlog-witness, "add-checkpoint". Throws FormatError. */
export function parseAddCheckpoint (body: Uint8Array): AddCheckpoint {
  const text = decodeUtf8(body, 'body')
  const split = text.indexOf('\n\n')
  if (split < 0) throw new FormatError('body: no empty line before the checkpoint')
  const [first = '', ...lines] = text.slice(0, split).split('\n')
  if (!first.startsWith(OLD)) throw new FormatError('body: it does not begin with the old size')
  if (lines.length > PROOF_LINES_MAX) throw new FormatError(`body: ${lines.length} proof lines`)
  const note = text.slice(split + 2)
  return {
    old: parseDecimal(first.slice(OLD.length), 'old size'),
    proof: lines.map((line) => decodeHash(line, 'proof line')),
    note,
    checkpoint: parseSignedCheckpoint(note).checkpoint
  }
}

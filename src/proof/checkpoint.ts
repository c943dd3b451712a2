import { decodeHash, FormatError, HASH_BYTES, parseDecimal } from './format.ts'
import { EMPTY_ROOT } from './merkle.ts'
import { parseNote, type Note } from './note.ts'

/** What a log says of its tree at one moment: C2SP tlog-checkpoint, "Note text". */
export interface Checkpoint {
  /** The log's name: for a tenant's tree `<ledger name>/<tenant>`. */
  origin: string
  size: bigint
  root: Buffer
  /** Opaque lines after the root; ours have none. */
  extensions: readonly string[]
}

/**
 * The text of a checkpoint, to be signed as a note: C2SP tlog-checkpoint, "Note text". Throws
 * FormatError for an origin or extension that is empty or more than a line.
 */
export function formatCheckpoint ({ origin, size, root, extensions }: Checkpoint): string {
  for (const line of [origin, ...extensions]) {
    if (line === '' || line.includes('\n')) throw new FormatError('checkpoint: not one line each')
  }
  if (size < 0n || root.length !== HASH_BYTES) throw new FormatError('checkpoint: size or root')
  return [origin, size, root.toString('base64'), ...extensions].map((line) => `${line}\n`).join('')
}

/**
 * The checkpoint of a note's text: C2SP tlog-checkpoint, "Note text". Throws FormatError for less
 * than three lines, an empty one, a size or root in another spelling, and for an empty tree with a
 * root that is not the empty tree's.
 */
export function parseCheckpoint (text: string): Checkpoint {
  const [origin, size, root, ...rest] = text.split('\n')
  if (origin === undefined || size === undefined || root === undefined || rest.pop() !== '') {
    throw new FormatError('checkpoint: less than three lines')
  }
  if (origin === '') throw new FormatError('checkpoint: no origin')
  if (rest.includes('')) throw new FormatError('checkpoint: an empty line')
  const checkpoint = {
    origin,
    size: parseDecimal(size, 'checkpoint size'),
    root: decodeHash(root, 'checkpoint root'),
    extensions: rest
  }
  if (checkpoint.size === 0n && !checkpoint.root.equals(EMPTY_ROOT)) {
    throw new FormatError('checkpoint: an empty tree has another root')
  }
  return checkpoint
}

/** A signed checkpoint taken apart, its signatures not yet checked. Throws FormatError. */
export function parseSignedCheckpoint (text: string): { note: Note, checkpoint: Checkpoint } {
  const note = parseNote(text)
  return { note, checkpoint: parseCheckpoint(note.text) }
}

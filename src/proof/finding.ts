/**
 * What can be wrong, and what is worth knowing.
 *
 * tampered: content is not what its hash says. bad-proof: hashes do not lead to the signed root.
 * missing, duplicated, reordered: leaves, or revisions of a stream. foreign: a leaf that does not
 * belong there. truncated: head or tail of the file is gone. malformed: not the format.
 * forked: two signed heads that no one tree had. stale: the head is older than what is known.
 * misdated: recorded outside the time its checkpoints allow. wrong-key: signed by nobody who is
 * trusted with it. bad-signature: a trusted key's signature that does not hold. no-quorum: too
 * few witnesses. bad-opening: shown personal data is not what was sealed. empty: nothing was
 * verified.
 */
export const FAULTS = [
  'tampered', 'bad-proof', 'missing', 'duplicated', 'reordered', 'foreign', 'truncated',
  'malformed', 'forked', 'stale', 'misdated', 'wrong-key', 'bad-signature', 'no-quorum',
  'bad-opening', 'empty'
] as const
export type Fault = typeof FAULTS[number]

/** `shredded`: a sealed section whose key is destroyed. Its leaf is as proven as any other. */
export type FindingKind = Fault | 'shredded'

/** Where in the file and in the log. */
export interface FindingPlace {
  /** Line of the file, from 1. */
  line?: number
  /** Leaf of the tree, from 0. */
  index?: bigint
  stream?: string
  revision?: bigint
}

/** One thing found. Faults are what makes a verification fail; `info` is no fault. */
export interface Finding extends FindingPlace {
  kind: FindingKind
  severity: 'fault' | 'info'
  /** A sentence for people. */
  message: string
}

/** A fault. */
export function fault (kind: Fault, message: string, place: FindingPlace = {}): Finding {
  return { kind, severity: 'fault', message, ...place }
}

/** The message of whatever was thrown. */
export function messageOf (err: unknown): string {
  return err instanceof Error ? err.message : String(err)
}

import { parseSignedCheckpoint, type Checkpoint } from './checkpoint.ts'
import { fault, messageOf, type Finding } from './finding.ts'
import { verifyConsistency } from './merkle-proof.ts'
import { verifyNote, type Note, type NoteVerdict } from './note.ts'
import { meetsQuorum, type Policy, type PolicyLog } from './policy.ts'

/** A witness's word: this was the largest tree it had seen, at that time. */
export interface Cosignature {
  /** The witness's name in the policy. */
  witness: string
  /** Seconds since 1970. */
  time: bigint
}

/** What a policy makes of a signed checkpoint. It is trusted if there are no findings. */
export interface CheckpointVerdict {
  /** Undefined if the text is not a signed checkpoint at all. */
  checkpoint: Checkpoint | undefined
  cosignatures: Cosignature[]
  findings: Finding[]
}

/**
 * Judges a signed checkpoint: signed by a log of the policy under its own origin and for a size
 * that this key may sign, cosigned by a quorum, and no signature of a known key that fails. C2SP
 * tlog-policy, tlog-checkpoint and signed-note, "Signatures". Never throws for what it is given.
 */
export function judgeCheckpoint (text: string, policy: Policy): CheckpointVerdict {
  let parsed: { note: Note, checkpoint: Checkpoint }
  try {
    parsed = parseSignedCheckpoint(text)
  } catch (err) {
    return {
      checkpoint: undefined, cosignatures: [], findings: [fault('malformed', messageOf(err))]
    }
  }
  const { note, checkpoint } = parsed
  const logs = policy.logs.filter(({ key }) => key.name === checkpoint.origin)
  const keys = [...logs, ...policy.witnesses].map(({ key }) => key)
  const verdict = verifyNote(note, keys)
  const cosignatures = policy.witnesses.flatMap(({ name, key }) => verdict.verified
    .flatMap(({ key: by, time }) => by === key && time !== undefined
      ? [{ witness: name, time }]
      : []))
  const cosigned = new Set(cosignatures.map(({ witness }) => witness))
  const findings = [
    ...verdict.failed.map(({ name, id }) =>
      fault('bad-signature', `${describe(checkpoint)}: the signature of ${name}+${id} fails`)),
    ...judgeLog(checkpoint, logs, verdict),
    ...(meetsQuorum(policy, cosigned)
      ? []
      : [fault('no-quorum', `${describe(checkpoint)}: cosigned by ${cosigned.size} of the ` +
        `${policy.witnesses.length} witnesses, which is not the quorum`)])
  ]
  return { checkpoint, cosignatures, findings }
}

/** What two trusted checkpoints of one log say about each other. */
export interface CheckpointPair {
  older: Checkpoint
  newer: Checkpoint
  /** RFC 9162 section 2.1.4.1; empty for equal sizes. */
  proof: readonly Buffer[]
}

/**
 * Whether the newer tree began as the older: RFC 9162 section 2.1.4.2. Equal sizes with different
 * roots are a fork for certain; a proof that fails may also just be a bad one, which is said.
 */
export function judgeConsistency ({ older, newer, proof }: CheckpointPair): Finding[] {
  if (older.origin !== newer.origin) {
    return [fault('foreign', `${older.origin} and ${newer.origin} are two logs`)]
  }
  if (older.size > newer.size) {
    return [fault('stale', `${describe(newer)} is older than the known ${describe(older)}`)]
  }
  if (older.size === newer.size && !older.root.equals(newer.root)) {
    return [fault('forked', `two trees of ${older.size} leaves were signed for ${older.origin}`)]
  }
  const claim = {
    first: older.size, second: newer.size, firstRoot: older.root, secondRoot: newer.root
  }
  return verifyConsistency(claim, proof)
    ? []
    : [fault('forked', `${describe(newer)} is not shown to continue ${describe(older)}`)]
}

/** How old the newest cosignature may be, and the time now: seconds, seconds since 1970. */
export interface AgeLimit {
  seconds: bigint
  now: bigint
}

/** Whether some witness said lately enough that this was the last head. */
export function judgeAge (
  cosignatures: readonly Cosignature[], age: AgeLimit | undefined
): Finding[] {
  if (age === undefined) return []
  const newest = cosignatures.reduce<bigint | undefined>(
    (last, { time }) => last === undefined || time > last ? time : last, undefined)
  if (newest === undefined) return [fault('stale', 'no witness says when this was the last head')]
  return age.now - newest > age.seconds
    ? [fault('stale', `the newest cosignature is ${age.now - newest} seconds old`)]
    : []
}

/** Name and size of a checkpoint, for messages. */
export function describe ({ origin, size }: Checkpoint): string {
  return `checkpoint ${origin} at ${size}`
}

function judgeLog (
  checkpoint: Checkpoint, logs: readonly PolicyLog[], { verified, failed, unknown }: NoteVerdict
): Finding[] {
  const wrong = (message: string): Finding[] =>
    [fault('wrong-key', `${describe(checkpoint)}: ${message}`)]
  if (logs.length === 0) return wrong(`no key of ${checkpoint.origin} is trusted`)
  const signers = logs.filter(({ key }) => verified.some((signature) => signature.key === key))
  const inTime = signers.filter(({ from, to }) =>
    checkpoint.size >= from && (to === undefined || checkpoint.size <= to))
  if (inTime.length > 0 || failed.some((key) => logs.some((log) => log.key === key))) return []
  const [retired] = signers
  if (retired !== undefined) {
    return wrong(`key ${retired.key.id} may not sign trees of that size`)
  }
  const names = unknown.map(({ name, id }) => `${name}+${id}`).join(', ')
  return wrong(`signed by no key that is trusted, only by ${names || 'witnesses'}`)
}

import { decodeBase64, DECIMAL_MAX, FormatError, parseDecimal } from './format.ts'
import {
  COSIGNATURE, ED25519, isKeyName, verifySignature, type Signer, type VerifierKey
} from './keys.ts'

/** One signature line of a note. */
export interface NoteSignature {
  name: string
  /** The key id, 8 hexadecimal digits. */
  id: string
  signature: Buffer
}

/** A signed note (C2SP signed-note): its text ends with a newline. */
export interface Note {
  text: string
  signatures: readonly NoteSignature[]
}

/** A signature of a known key that holds. */
export interface VerifiedSignature {
  key: VerifierKey
  /** When a witness cosigned, seconds since 1970; undefined for a plain signature. */
  time: bigint | undefined
}

/** What came of the signatures of a note. Nothing of it holds if `failed` is not empty. */
export interface NoteVerdict {
  verified: VerifiedSignature[]
  /** Known keys with a signature that does not verify. */
  failed: VerifierKey[]
  /** Signatures of keys that are not known: ignored, as the format demands. */
  unknown: NoteSignature[]
}

/** More than the 16 signatures that every reader must accept. */
export const SIGNATURES_MAX = 100
export const NOTE_LENGTH_MAX = 1_000_000

const DASH = '\u2014'
const TIME_BYTES = 8
const SIGNATURE_BYTES = 64
const LINE = new RegExp(`^${DASH} ([^ ]+) ([A-Za-z0-9+/=]+)$`)
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/

/**
 * The parts of a signed note: C2SP signed-note, "Format". Throws FormatError for a note without
 * signatures, with control characters, or with a line that is not a signature line.
 */
export function parseNote (note: string): Note {
  if (note.length > NOTE_LENGTH_MAX) throw new FormatError(`note: ${note.length} characters`)
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) throw new FormatError('note: no signatures')
  const text = note.slice(0, split + 1)
  assertText(text)
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > SIGNATURES_MAX) throw new FormatError(`note: ${lines.length} signatures`)
  return { text, signatures: lines.map(parseSignature) }
}

/** The text of a signed note. Throws FormatError for a text that cannot be signed. */
export function formatNote ({ text, signatures }: Note): string {
  assertText(text)
  return `${text}\n${signatures.map(formatSignature).join('')}`
}

/** A signature line with its newline. */
export function formatSignature ({ name, id, signature }: NoteSignature): string {
  const bytes = Buffer.concat([Buffer.from(id, 'hex'), signature])
  return `${DASH} ${name} ${bytes.toString('base64')}\n`
}

/** The signature of a line without its newline. Throws FormatError. */
export function parseSignature (line: string): NoteSignature {
  const [, name, base64] = LINE.exec(line) ?? []
  if (name === undefined || base64 === undefined || !isKeyName(name)) {
    throw new FormatError('note: a line that is not a signature')
  }
  const bytes = decodeBase64(base64, `signature of ${name}`)
  if (bytes.length < 5) throw new FormatError(`signature of ${name}: too short`)
  return { name, id: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) }
}

/** A note signed by Ed25519 keys: C2SP signed-note, "Ed25519 signatures". */
export async function signNote (text: string, signers: readonly Signer[]): Promise<string> {
  assertText(text)
  const signatures: NoteSignature[] = []
  for (const { key, sign } of signers) {
    if (key.type !== ED25519) throw new TypeError(`key ${key.name} signs with a time: use cosign`)
    signatures.push({ name: key.name, id: key.id, signature: await sign(Buffer.from(text)) })
  }
  return formatNote({ text, signatures })
}

/**
 * A witness's signature over a checkpoint: C2SP tlog-cosignature, "Ed25519 signed message".
 * `time`: seconds since 1970.
 */
export async function cosign (text: string, signer: Signer, time: bigint): Promise<NoteSignature> {
  const { key, sign } = signer
  if (key.type !== COSIGNATURE) throw new TypeError(`key ${key.name} is not a witness's`)
  parseDecimal(time.toString(), 'time of a cosignature')
  const bytes = Buffer.alloc(TIME_BYTES)
  bytes.writeBigUInt64BE(time)
  const signature = await sign(cosigned(text, time))
  return { name: key.name, id: key.id, signature: Buffer.concat([bytes, signature]) }
}

/**
 * Checks the signatures of a note: C2SP signed-note, "Signatures". Those of unknown keys are
 * ignored, even where name or id (not both) is known.
 */
export function verifyNote (note: Note, keys: readonly VerifierKey[]): NoteVerdict {
  const verdict: NoteVerdict = { verified: [], failed: [], unknown: [] }
  for (const signature of note.signatures) {
    const known = keys.filter(({ name, id }) => name === signature.name && id === signature.id)
    if (known.length === 0) verdict.unknown.push(signature)
    const [verified] = known.flatMap((key) => verifyOne(note.text, key, signature.signature))
    if (verified !== undefined) verdict.verified.push(verified)
    else verdict.failed.push(...known)
  }
  return verdict
}

function verifyOne (text: string, key: VerifierKey, bytes: Buffer): VerifiedSignature[] {
  if (key.type === ED25519) {
    const holds = bytes.length === SIGNATURE_BYTES &&
      verifySignature(key, Buffer.from(text), bytes)
    return holds ? [{ key, time: undefined }] : []
  }
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return []
  const time = bytes.readBigUInt64BE()
  const holds = time <= DECIMAL_MAX &&
    verifySignature(key, cosigned(text, time), bytes.subarray(TIME_BYTES))
  return holds ? [{ key, time }] : []
}

function cosigned (text: string, time: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`)
}

function assertText (text: string): void {
  if (!text.endsWith('\n')) throw new FormatError('note: its text does not end with a newline')
  if (CONTROL.test(text)) throw new FormatError('note: a control character')
  if (/\p{Surrogate}/u.test(text)) throw new FormatError('note: not UTF-8')
}

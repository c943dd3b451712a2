import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto'
import { decodeBase64, FormatError } from './format.ts'

/** Signature types of C2SP signed-note that are spoken here: Ed25519, and tlog-cosignature's. */
export const ED25519 = 0x01
export const COSIGNATURE = 0x04

/** A public key that signs notes, and by which name it is known. */
export interface VerifierKey {
  name: string
  /** 8 hexadecimal digits: SHA-256(name || 0x0A || type || public key)[:4]. */
  id: string
  type: typeof ED25519 | typeof COSIGNATURE
  /** The 32 bytes of RFC 8032. */
  publicKey: Buffer
}

/** Whoever can sign for a key: one held here (signerFrom), or one behind a service. */
export interface Signer {
  key: VerifierKey
  /** The 64 bytes of an Ed25519 signature (RFC 8032) over the message. */
  sign: (message: Buffer) => Buffer | Promise<Buffer>
}

const SEED_BYTES = 32
const PRIVATE_MARK = 'PRIVATE+KEY+'
/** What goes before the 32 bytes of a key in DER: RFC 8410 sections 4 and 7. */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Whether a name may be a key's: not empty, no Unicode space, no plus. C2SP signed-note. */
export function isKeyName (name: string): boolean {
  return name !== '' && !/[\p{White_Space}\p{Cc}\p{Surrogate}+]/u.test(name)
}

/** A key of that name and type, with its id. Throws FormatError for a name that cannot be. */
export function verifierKey (
  name: string, type: VerifierKey['type'], publicKey: Buffer
): VerifierKey {
  if (!isKeyName(name)) throw new FormatError(`key name ${JSON.stringify(name)}: not a name`)
  const material = Buffer.concat([Buffer.from(`${name}\n`), Buffer.from([type]), publicKey])
  const id = hash('sha256', material, 'buffer').toString('hex', 0, 4)
  return { name, id, type, publicKey }
}

/** The vkey text of a key, `<name>+<id>+<base64>`: C2SP signed-note, "Verifier keys". */
export function formatVerifierKey ({ name, id, type, publicKey }: VerifierKey): string {
  return `${name}+${id}+${encodeMaterial(type, publicKey)}`
}

/** The key of a vkey text. Throws FormatError for another type, or an id that is not its own. */
export function parseVerifierKey (text: string): VerifierKey {
  const { name, id, type, bytes } = splitKey(text, 'verifier key')
  const key = verifierKey(name, type, bytes)
  if (key.id !== id) throw new FormatError(`verifier key ${name}: its id is ${key.id}, not ${id}`)
  return key
}

/** The public key alone, base64: what is the same under every name. */
export function publicKeyOf ({ publicKey }: VerifierKey): string {
  return publicKey.toString('base64')
}

/** A key pair from a seed of 32 random bytes: the signer, and its text form to be kept secret. */
export function signerFrom (
  name: string, type: VerifierKey['type'], seed: Buffer
): Signer & { text: string } {
  if (seed.length !== SEED_BYTES) throw new FormatError(`seed: ${seed.length} bytes`)
  const der = Buffer.concat([PKCS8_HEAD, seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const key = verifierKey(name, type, spki.subarray(SPKI_HEAD.length))
  const text = `${PRIVATE_MARK}${name}+${key.id}+${encodeMaterial(type, seed)}`
  return { key, text, sign: (message) => sign(null, message, privateKey) }
}

/**
 * The signer of a private key in text form, `PRIVATE+KEY+<name>+<id>+<base64>`. Throws FormatError,
 * which never quotes the key.
 */
export function parseSigner (text: string): Signer {
  if (!text.startsWith(PRIVATE_MARK)) throw new FormatError('signer key: not a private key')
  const { name, id, type, bytes } = splitKey(text.slice(PRIVATE_MARK.length), 'signer key')
  const signer = signerFrom(name, type, bytes)
  if (signer.key.id !== id) throw new FormatError(`signer key ${name}: its id is not ${id}`)
  return signer
}

/** Whether 64 bytes are the key's Ed25519 signature (RFC 8032) over a message. */
export function verifySignature (key: VerifierKey, message: Buffer, signature: Buffer): boolean {
  const der = Buffer.concat([SPKI_HEAD, key.publicKey])
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' })
  return verify(null, message, publicKey, signature)
}

function splitKey (text: string, what: string) {
  const [, name, id, material] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text) ?? []
  if (name === undefined || id === undefined || material === undefined) {
    throw new FormatError(`${what}: not <name>+<id>+<key>`)
  }
  const decoded = decodeBase64(material, `${what} ${name}`)
  const type = decoded[0]
  if (type !== ED25519 && type !== COSIGNATURE) {
    throw new FormatError(`${what} ${name}: signature type ${type} is not supported`)
  }
  const bytes = decoded.subarray(1)
  if (bytes.length !== SEED_BYTES) throw new FormatError(`${what} ${name}: ${bytes.length} bytes`)
  return { name, id, type, bytes } as const
}

function encodeMaterial (type: number, bytes: Buffer): string {
  return Buffer.concat([Buffer.from([type]), bytes]).toString('base64')
}

import {
  createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual
} from 'node:crypto'
import canonicalize from 'canonicalize'
import type { SealedSection } from '../../schemas/recorded.ts'
import { pooledRandom } from './random.ts'

/** A subject as the vault knows it: its random ref and its 32-byte AES-256 data key. */
export interface SubjectKey {
  ref: string
  dataKey: Buffer
}

/** Where a section lives. It opens nowhere else: the place is authenticated with it. */
export interface SectionPlace {
  tenant: string
  stream: string
  /** The event's id. */
  id: string
}

/** JSON Pointer -> the personal value that stood there. */
export type Plain = Record<string, unknown>

/** Random bytes of that length; an argument so that a test can fix them. */
export type Random = (bytes: number) => Buffer

/** Values a reader can search for in sealed form, if the subject is known. */
export const FINDABLE = ['/context/ip', '/context/sessionId']

const R_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16
const FIND_BYTES = 16
/** The canonical form of `{ plain, r }`: this, the canonical plain, a tail of fixed length. */
const HEAD = '{"plain":'
const TAIL_LENGTH = ',"r":""}'.length + Math.ceil(R_BYTES * 4 / 3)

/** A section that is not what its subject's key sealed at this place: altered, moved or swapped. */
export class SectionTampered extends Error {
  constructor (place: SectionPlace, ref: string, options?: ErrorOptions) {
    super(`section of subject ${ref} in event ${place.id}: not what was sealed there`, options)
    this.name = 'SectionTampered'
  }
}

/**
 * Seals one subject's values of one event. `commit` binds to the values without telling them and
 * `ct` holds them with the commitment's key `r`: whoever is shown both can check the leaf.
 */
export function sealSection (
  { ref, dataKey }: SubjectKey, place: SectionPlace, plain: Plain, random: Random = pooledRandom
): SealedSection {
  const bytes = random(R_BYTES + IV_BYTES)
  const r = bytes.subarray(0, R_BYTES)
  const iv = bytes.subarray(R_BYTES)
  const text = canonical(plain)
  const cipher = createCipheriv('aes-256-gcm', dataKey, iv).setAAD(associated(place, ref))
  const body = `${HEAD}${text},"r":"${r.toString('base64url')}"}`
  const ct = Buffer.concat([cipher.update(body, 'utf8'), cipher.final(), cipher.getAuthTag()])
  const find = findTags(dataKey, plain)
  return {
    ref,
    paths: Object.keys(plain).sort(),
    commit: commitment(r, text).toString('base64url'),
    iv: iv.toString('base64url'),
    ct: ct.toString('base64url'),
    ...(find && { find })
  }
}

/**
 * The values of a section. Throws SectionTampered unless key, place, ciphertext, commitment and
 * paths all agree.
 */
export function openSection (dataKey: Buffer, place: SectionPlace, section: SealedSection): Plain {
  return revealSection(dataKey, place, section).plain
}

/** Like openSection, with `r` (base64url): both together prove the values against the leaf. */
export function revealSection (
  dataKey: Buffer, place: SectionPlace, section: SealedSection
): { plain: Plain, r: string } {
  const body = decrypt(dataKey, place, section)
  const text = body.slice(HEAD.length, -TAIL_LENGTH)
  const r = body.slice(-TAIL_LENGTH + ',"r":"'.length, -2)
  if (!isCommitment(section.commit, r, text)) throw new SectionTampered(place, section.ref)
  const plain: Plain = JSON.parse(text)
  if (JSON.stringify(Object.keys(plain).sort()) !== JSON.stringify(section.paths)) {
    throw new SectionTampered(place, section.ref)
  }
  return { plain, r }
}

/** Whether shown values and `r` (base64url) are those that a section's `commit` was made from. */
export function provesCommit (commit: string, plain: Plain, r: string): boolean {
  return isCommitment(commit, r, canonical(plain))
}

/**
 * What a value at a findable pointer looks like from outside: HMAC-SHA256 under a key derived from
 * the data key, 16 bytes, base64url. Equal values of one subject have equal tags; those of two
 * subjects, or after erasure, have nothing in common.
 */
export function findTag (dataKey: Buffer, pointer: string, value: string): string {
  return createHmac('sha256', findKey(dataKey)).update(`${pointer}\0${value}`).digest()
    .subarray(0, FIND_BYTES).toString('base64url')
}

function findTags (dataKey: Buffer, plain: Plain): Record<string, string> | undefined {
  const tags: Record<string, string> = {}
  for (const pointer of FINDABLE) {
    const value = plain[pointer]
    if (typeof value === 'string') tags[pointer] = findTag(dataKey, pointer, value)
  }
  return Object.keys(tags).length > 0 ? tags : undefined
}

/** Derived once for as long as its data key is in memory: deriving costs more than sealing. */
const findKeys = new WeakMap<Buffer, Buffer>()

/** One purpose, one key: what searches must not be what encrypts. RFC 5869, empty salt. */
function findKey (dataKey: Buffer): Buffer {
  const known = findKeys.get(dataKey)
  if (known !== undefined) return known
  const derived = Buffer.from(hkdfSync('sha256', dataKey, '', 'audit-ledger find', 32))
  findKeys.set(dataKey, derived)
  return derived
}

function decrypt (dataKey: Buffer, place: SectionPlace, section: SealedSection): string {
  try {
    const bytes = Buffer.from(section.ct, 'base64url')
    const iv = Buffer.from(section.iv, 'base64url')
    const decipher = createDecipheriv('aes-256-gcm', dataKey, iv, { authTagLength: TAG_BYTES })
      .setAAD(associated(place, section.ref))
      .setAuthTag(bytes.subarray(-TAG_BYTES))
    const text = decipher.update(bytes.subarray(0, -TAG_BYTES), undefined, 'utf8')
    // Nothing is authentic before final() has compared the tag.
    return text + decipher.final('utf8')
  } catch (err) {
    throw new SectionTampered(place, section.ref, { cause: err })
  }
}

/** A JSON array, because no text inside a JSON string can look like the border between two. */
function associated ({ tenant, stream, id }: SectionPlace, ref: string): Buffer {
  return Buffer.from(JSON.stringify([tenant, stream, id, ref]))
}

function commitment (r: Buffer, text: string): Buffer {
  return createHmac('sha256', r).update(text).digest()
}

function isCommitment (commit: string, r: string, text: string): boolean {
  const key = Buffer.from(r, 'base64url')
  const given = Buffer.from(commit, 'base64url')
  return key.length === R_BYTES && given.length === 32 &&
    timingSafeEqual(given, commitment(key, text))
}

function canonical (plain: Plain): string {
  const text = canonicalize(plain)
  if (text === undefined) throw new TypeError('seal: not a JSON value')
  return text
}

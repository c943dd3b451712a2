import { createHmac } from 'node:crypto'
import { canonicalJson, isObject } from './leaf.ts'

/** One sealed section of a leaf, as far as a proof about it goes. */
export interface Section {
  /** The subject, by its random ref. */
  ref: string
  /** JSON Pointers of the values that it holds. */
  paths: readonly string[]
  /** HMAC-SHA256(r, JCS(plain)), base64url. */
  commit: string
}

/** What was sealed, shown to somebody. */
export interface Opening {
  ref: string
  /** JSON Pointer -> value. */
  plain: Record<string, unknown>
  /** The commitment's key: 32 random bytes, base64url. */
  r: string
}

/** The sealed sections in the data of a leaf. What does not look like one is none. */
export function sectionsOf (data: unknown): Section[] {
  const sealed = isObject(data) ? data['sealed'] : undefined
  return Array.isArray(sealed) ? sealed.flatMap(sectionOf) : []
}

/**
 * Whether shown values are those that a section was sealed from: HMAC-SHA256 (RFC 2104) under `r`
 * over the canonical JSON (RFC 8785) of the values is the section's commitment.
 */
export function verifyOpening ({ commit, paths }: Section, { plain, r }: Opening): boolean {
  const key = Buffer.from(r, 'base64url')
  const commitment = createHmac('sha256', key).update(canonicalJson(plain)).digest('base64url')
  const shown = Object.keys(plain).sort()
  return key.length === 32 && commitment === commit && shown.length === paths.length &&
    shown.every((path, at) => path === paths[at])
}

function sectionOf (value: unknown): Section[] {
  if (!isObject(value)) return []
  const { ref, paths, commit } = value
  const known = typeof ref === 'string' && typeof commit === 'string' && Array.isArray(paths)
  return known ? [{ ref, commit, paths: paths.filter((path) => typeof path === 'string') }] : []
}

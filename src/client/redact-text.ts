import { redactCards } from './redact-cards.ts'

interface TextRules {
  isSecret: (name: string) => boolean
  replacement: string
}

/** A name, and its value after `=` as in forms and queries, or as a member of JSON text. */
const PAIR = /(?<=^|[?&;\s])([\w.[\]%-]{1,128})=([^&;\s]+)/g
const MEMBER = /("(?:[^"\\]|\\.){1,128}"\s{0,8}:\s{0,8})("(?:[^"\\]|\\.)*"|[\w.+-]+)/g

/**
 * Texts that are secrets by how they look, and what of them may stay. All of them take linear
 * time: no pattern can begin inside what another beginning has to run through.
 */
const SECRETS: ReadonlyArray<readonly [pattern: RegExp, kept: string]> = [
  [/-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?/g, ''],
  [/\b(Bearer|Basic|Digest|Negotiate) {1,8}[A-Za-z0-9._~+/=-]{6,}/gi, '$1 '],
  [/(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, ''],
  [/\bal_[a-z]{1,16}_[A-Za-z0-9]{1,64}_[\w-]+/g, ''],
  [/(?<![\w-])(?:sk|pk|rk|ghp|gho|ghs|xox[abp]|glpat|AKIA)[_-]?[\w-]{16,}/g, ''],
  [/(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,31}:\/\/[^\s/:@]{0,256}:)[^\s/@]{1,256}(?=@)/gi, '$1']
]

/** Longer texts are not searched: they go as a whole, since what they hold is not known. */
export const TEXT_MAX = 65_536

/** The text with what looks like a secret replaced. */
export function redactText (text: string, { isSecret, replacement }: TextRules): string {
  // Nothing shorter has room for a secret, and most texts are names and words.
  if (text.length < 4 || text === replacement) return text
  if (text.length > TEXT_MAX) return replacement
  let shown = text
  if (shown.includes('=')) {
    shown = shown.replace(PAIR, (pair, name: string) => {
      return isSecret(name) ? `${name}=${replacement}` : pair
    })
  }
  if (shown.includes(':')) {
    shown = shown.replace(MEMBER, (member, name: string) => {
      return isSecret(name) ? `${name}"${replacement}"` : member
    })
  }
  for (const [pattern, kept] of SECRETS) {
    shown = shown.replace(pattern, (_found, group: unknown) => {
      return kept.replace('$1', () => String(group)) + replacement
    })
  }
  return redactCards(shown, replacement)
}

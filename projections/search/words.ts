/** A longer word is found by its beginning. */
export const WORD_MAX_LENGTH = 64

const ASCII = /^[\x00-\x7f]*$/ // eslint-disable-line no-control-regex
const ACCENTS = /[\u0300-\u036f]/g
const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g
const UUID_LENGTH = 36
const ASCII_WORD = /[a-z0-9]+/g
const WORD = /[\p{L}\p{N}\p{M}]+/gu

/**
 * The words of a text as they are looked up: runs of letters and digits of any script, in lower
 * case and without accents; a UUID is one word. Nothing else is in them but letters, digits, marks.
 */
export function wordsOf (text: string): string[] {
  const ascii = ASCII.test(text)
  const lower = ascii ? text.toLowerCase() : plain(text)
  const joined = lower.length < UUID_LENGTH
    ? lower
    : lower.replace(UUID, (uuid) => uuid.replaceAll('-', ''))
  const words = joined.match(ascii ? ASCII_WORD : WORD) ?? []
  return words.some(isLong) ? words.map((word) => word.slice(0, WORD_MAX_LENGTH)) : words
}

function isLong (word: string): boolean {
  return word.length > WORD_MAX_LENGTH
}

/** Upper case comes first because it says of some letters that they are two, such as of ß. */
function plain (text: string): string {
  return text.normalize('NFKD').replace(ACCENTS, '').toUpperCase().toLowerCase().normalize('NFC')
}

import { wordsOf } from './words.ts'

/** Words of one search. */
export const SEARCH_WORDS_MAX = 16
/** Letters of a beginning: shorter ones begin too many words. */
export const BEGINNING_MIN_LENGTH = 3

/** What is searched for, as texts of Postgres's tsquery. */
export interface WordQuery {
  /** Words that must be there, for the index to find; beginnings only if there is nothing else. */
  needed: string
  /** All that must hold. */
  query: string
}

/** A search that makes no sense, and why. */
export interface SearchFault { fault: string }

/** Words in quotes belong together; of the others each stands for itself. */
const PART = /"([^"]*)"?|[^\s"]+/g

/**
 * Words, all of which must be there; `"several words"` one after the other, `begin*` a word that
 * begins so. Whatever else is in a text only separates words: `order.updated` is two, one after
 * the other.
 */
export function parseSearch (text: string): WordQuery | SearchFault {
  const phrases = [...text.matchAll(PART)].map(([part, quoted]) => phraseOf(quoted ?? part))
    .filter(({ words }) => words.length > 0)
  const words = phrases.flatMap((phrase) => phrase.words)
  if (words.length === 0) return { fault: 'has no word in it' }
  if (words.length > SEARCH_WORDS_MAX) return { fault: `has more than ${SEARCH_WORDS_MAX} words` }
  if (phrases.some(({ begins, words }) => begins && isShort(words.at(-1) ?? ''))) {
    return { fault: `begin* takes ${BEGINNING_MIN_LENGTH} letters or more` }
  }
  const whole = phrases.flatMap(({ words, begins }) => begins ? words.slice(0, -1) : words)
  const query = phrases.map(queryOf).join(' & ')
  return { needed: whole.length === 0 ? query : conjunction(whole), query }
}

/** The same of a text that was found to make sense. Throws RangeError for another. */
export function wordQuery (text: string): WordQuery {
  const parsed = parseSearch(text)
  if ('fault' in parsed) throw new RangeError(`a search ${parsed.fault}`)
  return parsed
}

/** All of the words, as text of a tsquery. */
export function conjunction (words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(' & ')
}

interface Phrase {
  words: string[]
  /** Whether the last word is only the beginning of one. */
  begins: boolean
}

function phraseOf (text: string): Phrase {
  return { words: wordsOf(text), begins: /[\p{L}\p{N}\p{M}]\*$/u.test(text) }
}

function isShort (word: string): boolean {
  return [...word].length < BEGINNING_MIN_LENGTH
}

function queryOf ({ words, begins }: Phrase): string {
  return '(' + words.map((word) => `'${word}'`).join(' <-> ') + (begins ? ':*' : '') + ')'
}

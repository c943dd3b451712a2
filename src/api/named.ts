import type { SubjectRef } from '../../schemas/primitives.ts'
import { refusal } from './validator.ts'

/**
 * Refuses a text that contains a person's id as a word: it stays on record for good, and the
 * person must not. What else a text gives away is for who writes it to know.
 */
export function refuseNaming (
  subject: Pick<SubjectRef, 'id'>, texts: Readonly<Record<string, string | readonly string[]>>
): void {
  const naming = Object.entries(texts).filter(([, text]) =>
    [text].flat().some((one) => namesIt(one, subject.id)))
  if (naming.length === 0) return
  throw refusal(naming.map(([pointer]) => (
    { pointer, detail: 'names the person, and is kept when nothing else of the person is' })))
}

/** A short id may be part of any text, so it counts only where it stands by itself. */
function namesIt (text: string, id: string): boolean {
  const wanted = id.toLowerCase()
  const given = text.toLowerCase()
  for (let at = given.indexOf(wanted); at !== -1; at = given.indexOf(wanted, at + 1)) {
    const around = [given[at - 1], given[at + wanted.length]]
    if (!around.some((character) => character !== undefined && /[\p{L}\p{N}]/u.test(character))) {
      return true
    }
  }
  return false
}

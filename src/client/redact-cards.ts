/** Digits in groups or not, enough for a card number; a fraction's are not meant. */
const RUN = /(?<!\d|\d\.)\d(?:[ -]?\d){12,}/g
const GROUP_MIN = 3
const DIGITS_MIN = 13
const DIGITS_MAX = 19

/** The text with card numbers replaced: 13 to 19 digits with the right check digit. */
export function redactCards (text: string, replacement: string): string {
  return text.replace(RUN, (run) => redactRun(run, replacement))
}

/**
 * A card number can have other groups of digits before and after it, its date for example: what
 * goes reaches from the first group of any number that would be one to the last.
 */
function redactRun (run: string, replacement: string): string {
  const parts = run.split(/([ -])/)
  let [first, last] = [Infinity, -1]
  for (let from = 0; from < parts.length; from += 2) {
    let digits = ''
    for (let to = from; to < parts.length && digits.length < DIGITS_MAX; to += 2) {
      const group = parts[to] ?? ''
      if (group.length < GROUP_MIN) break
      digits += group
      if (!isCardNumber(digits)) continue
      first = Math.min(first, from)
      last = Math.max(last, to)
    }
  }
  if (last === -1) return run
  return parts.slice(0, first).join('') + replacement + parts.slice(last + 1).join('')
}

/** Whether digits have the check digit of card numbers (ISO/IEC 7812-1, Luhn). */
function isCardNumber (digits: string): boolean {
  if (digits.length < DIGITS_MIN || digits.length > DIGITS_MAX) return false
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at])
    const counted = at % 2 === 1 ? digit * 2 : digit
    sum += counted > 9 ? counted - 9 : counted
  }
  return sum % 10 === 0 && /[1-9]/.test(digits)
}

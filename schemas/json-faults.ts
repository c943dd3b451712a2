import { escapeToken, type Violation } from './pointer.ts'

/** More than this many faults help nobody. */
export const VIOLATIONS_MAX = 20
/** Keys that code somewhere downstream would take for something else than data. */
export const FORBIDDEN_KEYS: ReadonlySet<string> =
  new Set(['__proto__', 'constructor', 'prototype'])
/** So many significant digits tell any two doubles apart; more may be lost in one. */
export const DIGITS_MAX = 17
/** Lone surrogates have no UTF-8 form (two strings would hash alike); Postgres holds no U+0000. */
export const UNSTORABLE = /[\0\p{Surrogate}]/u

const QUOTE = 0x22
const BACKSLASH = 0x5c
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y

/**
 * The slow way through a JSON text, for when the fast way has seen that something is wrong: says
 * what and where, at most VIOLATIONS_MAX times. Text that is not JSON, or too deep, ends it early.
 */
export function findFaults (text: string, depthMax: number): Violation[] {
  const violations: Violation[] = []
  let pos = 0

  function fault (pointer: string, detail: string): void {
    if (violations.push({ pointer, detail }) === VIOLATIONS_MAX) pos = text.length
  }

  function match (pattern: RegExp): string {
    pattern.lastIndex = pos
    const [found = ''] = pattern.exec(text) ?? []
    pos += found.length
    return found
  }

  function isNext (char: string): boolean {
    match(SPACE)
    if (text[pos] !== char) return false
    pos++
    return true
  }

  function string (): string {
    const start = pos
    for (pos++; pos < text.length && text.charCodeAt(pos) !== QUOTE; pos++) {
      if (text.charCodeAt(pos) === BACKSLASH) pos++
    }
    return JSON.parse(text.slice(start, ++pos))
  }

  function member (pointer: string, depth: number, keys: Set<string>): void {
    match(SPACE)
    const key = string()
    const at = `${pointer}/${escapeToken(key)}`
    if (keys.has(key)) fault(at, 'is given twice: only one of them could be kept')
    else if (FORBIDDEN_KEYS.has(key)) fault(at, `${key} is not taken as the name of a member`)
    else if (UNSTORABLE.test(key)) fault(at, `the name of this member ${unstorable(key)}`)
    keys.add(key)
    if (isNext(':')) value(at, depth)
  }

  function container (pointer: string, depth: number, end: string): void {
    if (depth > depthMax) {
      fault(pointer, `is nested deeper than ${depthMax} levels`)
      pos = text.length
      return
    }
    pos++
    if (isNext(end)) return
    const keys = new Set<string>()
    let index = 0
    do {
      if (end === '}') member(pointer, depth, keys)
      else value(`${pointer}/${index++}`, depth)
    } while (isNext(','))
    isNext(end)
  }

  function value (pointer: string, depth: number): void {
    match(SPACE)
    const char = text[pos]
    if (char === '{') container(pointer, depth + 1, '}')
    else if (char === '[') container(pointer, depth + 1, ']')
    else if (char === '"') {
      const found = string()
      if (UNSTORABLE.test(found)) fault(pointer, unstorable(found))
    } else if (match(/[a-z]+/y) === '') {
      const detail = numberFault(match(NUMBER))
      if (detail !== undefined) fault(pointer, detail)
    }
  }

  try {
    value('', 0)
  } catch (err) {
    // Not JSON; whoever asked gets what was found before that.
    if (!(err instanceof SyntaxError)) throw err
  }
  return violations
}

function unstorable (text: string): string {
  return text.includes('\0')
    ? 'holds U+0000, which cannot be stored'
    : 'holds half of a surrogate pair, which is no character'
}

/** What would be lost of a number in JSON text, if anything. */
function numberFault (text: string): string | undefined {
  const value = Number(text)
  if (!Number.isFinite(value)) return 'is a number too large to be kept: send it as a string'
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return 'is an integer beyond 2^53 - 1, which would be rounded: send it as a string'
  }
  const written = decimal(text)
  const lost = value === 0
    ? written.digits !== ''
    : written.digits.length > DIGITS_MAX && !isSame(written, decimal(String(value)))
  return lost ? `would be rounded to ${value}: send it as a string` : undefined
}

interface Decimal {
  /** Significant digits, none for zero. */
  digits: string
  /** The power of ten of the last digit. */
  exponent: number
}

function decimal (text: string): Decimal {
  const [mantissa = '', power = '0'] = text.replace('-', '').toLowerCase().split(/e(.*)/)
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = (whole + fraction).replace(/^0+/, '')
  const kept = digits.replace(/0+$/, '')
  return { digits: kept, exponent: Number(power) - fraction.length + digits.length - kept.length }
}

function isSame (a: Decimal, b: Decimal): boolean {
  return a.digits === b.digits && a.exponent === b.exponent
}

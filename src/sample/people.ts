import type { Actor, Context } from '../../schemas/primitives.ts'
import type { Random } from './random.ts'

export type Person = Extract<Actor, { type: 'user' }>

const FIRST = ['Alice', 'Bruno', 'Chen', 'Dalia', 'Edith', 'Farid', 'Grace', 'Hugo', 'Ines',
  'Jonas', 'Kira', 'Liam', 'Mona', 'Nils', 'Olga', 'Pavel', 'Quinn', 'Rosa', 'Samir', 'Tove']
const LAST = ['Andersen', 'Brandt', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Garcia', 'Haddad',
  'Ivanova', 'Jansen', 'Kowalski', 'Lindqvist', 'Moreau', 'Novak', 'Okafor', 'Petrov']
const BROWSERS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36'
] as const

/** The n-th person of an organisation: always the same name and address. */
export function person (index: number, prefix: string): Person {
  const first = FIRST[index % FIRST.length] ?? 'Alice'
  const last = LAST[Math.floor(index / FIRST.length + index) % LAST.length] ?? 'Andersen'
  return {
    type: 'user',
    id: `${prefix}-${String(index + 1).padStart(3, '0')}`,
    name: `${first} ${last}`,
    email: `${first}.${last}@example.com`.toLowerCase()
  }
}

/** Few people do most of the work: the lower the index, the more often it comes. */
export function busyPerson (random: Random, count: number, prefix: string): Person {
  return person(Math.floor(random.next() ** 2 * count), prefix)
}

/** A browser session of a person, at an address reserved for documentation (RFC 5737). */
export function session (random: Random): Context {
  return {
    ip: `${random.pick(['192.0.2', '198.51.100', '203.0.113'])}.${random.between(1, 254)}`,
    userAgent: random.pick(BROWSERS),
    sessionId: `s-${random.uuid().slice(0, 13)}`
  }
}

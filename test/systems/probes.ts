import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import type { ListeningLedger } from '../client/ledger.ts'
import { packageFile } from '../../src/paths.ts'

/** A ledger that holds what the five systems would have sent, and the ids of that by name. */
export interface Seeded {
  ledger: ListeningLedger
  ids: Readonly<Record<string, string>>
}

/** Fails when what it looks at is not there, or is not what it was. */
export type Probe = (t: Test, seeded: Seeded) => Promise<void>

/** Something that one of the five systems documents. */
export interface Feature {
  what: string
  /** Where users of that system find it here: the README's row with the feature's id says so. */
  where: string
  probes: readonly Probe[]
}

/** What has no probe is about that system's own workshop, and says why it is nobody's here. */
export const THEIRS = 'nothing to serve'

export const feature = (what: string, where: string, ...probes: Probe[]): Feature =>
  ({ what, where, probes })

/** About how the other system is built or tested. */
export const theirs = (what: string, why: string): Feature => feature(`${what}: ${why}`, THEIRS)

/** `{name}` in an address is the id of that seed. */
function addressed (url: string, ids: Seeded['ids']): string {
  return url.replace(/\{([a-z]+)\}/g, (_whole, name: string) => ids[name] ?? name)
}

/** The answer to a request, 200, has these members. */
export const answers = (url: string, wanted: object, key = 'acme.auditor'): Probe =>
  async (t, { ledger, ids }) => {
    const answer = await ledger.call(key, addressed(url, ids))
    t.equal(answer.statusCode, 200, `${url}: ${answer.body.slice(0, 500)}`)
    t.match(answer.json(), wanted, url)
  }

/** The text of an answer to anybody. */
export const says = (url: string, wanted: string): Probe => async (t, { ledger: { call } }) => {
  const { statusCode, body } = await call(undefined, url)
  t.equal(statusCode, 200, url)
  t.match(body, wanted, url)
}

/** A request with that key, or without one, has this status. */
export const refuses = (url: string, status: number, key?: string): Probe =>
  async (t, { ledger: { call }, ids }) => {
    const { statusCode } = await call(key, addressed(url, ids))
    t.equal(statusCode, status, `${url} of ${key}`)
  }

/** What a POST or PUT of who is responsible for compliance is answered. */
export const takes = (
  method: 'POST' | 'PUT', url: string, payload: object, wanted: object
): Probe => async (t, { ledger }) => {
  const answer = await ledger.call('acme.compliance', { method, url, payload })
  t.ok(answer.statusCode < 300, `${url}: ${answer.statusCode} ${answer.body}`)
  t.match(answer.json(), wanted, url)
}

/** The actions are known from the start, in that category, and are said in a line. */
export const knows = (category: string, ...actions: string[]): Probe => async (t, { ledger }) => {
  for (const action of actions) {
    const answer = await ledger.call('acme.auditor', `/v1/schemas/${action}`)
    t.match(answer.json(), { category, template: /./ }, action)
  }
}

/** There is no way to alter or delete what the address names. */
export const immutable = (url: string): Probe => async (t, { ledger, ids }) => {
  for (const method of ['PUT', 'PATCH', 'DELETE', 'POST'] as const) {
    const { statusCode } = await ledger.call('acme.compliance', {
      method, url: addressed(url, ids), payload: {}
    })
    t.equal(statusCode, 405, `${method} ${url}`)
  }
}

/** Another test has proven it: the file has tests of these names. */
export const proven = (file: string, ...titles: string[]): Probe => async (t) => {
  const text = readFileSync(packageFile(`test/${file}.test.ts`), 'utf8')
  for (const title of titles) {
    t.ok(text.includes(`t.test('${title.replaceAll("'", "\\'")}'`), `${file}: ${title}`)
  }
}

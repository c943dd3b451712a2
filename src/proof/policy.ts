import { FormatError, parseDecimal } from './format.ts'
import {
  COSIGNATURE, formatVerifierKey, parseVerifierKey, type VerifierKey
} from './keys.ts'

/** A log that is trusted, by one of its keys. */
export interface PolicyLog {
  key: VerifierKey
  /**
   * Sizes of the checkpoints that the key may sign, both inclusive: a key that was rotated out
   * ends where its successor begins, and both sign the checkpoint in between.
   */
  from: bigint
  to: bigint | undefined
  url?: string
}

/** A witness that is known. */
export interface PolicyWitness {
  name: string
  key: VerifierKey
  url?: string
}

/** At least `threshold` of the members, which are names of witnesses or of earlier groups. */
export interface PolicyGroup {
  name: string
  threshold: number
  members: readonly string[]
}

/** Whom a verifier trusts: C2SP tlog-policy. */
export interface Policy {
  logs: readonly PolicyLog[]
  witnesses: readonly PolicyWitness[]
  groups: readonly PolicyGroup[]
  /** A witness, a group, or `none`. */
  quorum: string
}

/** Far above the 32 logs, witnesses and groups that every reader must take. */
export const POLICY_LENGTH_MAX = 1_000_000

const NONE = 'none'
const SIZES = /^sizes:([0-9]+)-([0-9]*)$/

/**
 * A policy from its text: C2SP tlog-policy, "Policy file syntax and structure". Where a log's URL
 * may stand, `sizes:<from>-<to>` (or `sizes:<from>-`) says which checkpoints its key may sign:
 * other readers take it for a URL. Throws FormatError, naming the line.
 */
export function parsePolicy (text: string): Policy {
  if (text.length > POLICY_LENGTH_MAX) throw new FormatError(`policy: ${text.length} characters`)
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) {
    throw new FormatError('policy: a control character')
  }
  const reader = new PolicyReader()
  text.split('\n').forEach((line, at) => {
    try {
      reader.line(line.split(/[ \t]+/).filter((item) => item !== ''))
    } catch (err) {
      if (!(err instanceof FormatError)) throw err
      throw new FormatError(`policy, line ${at + 1}: ${err.message}`, { cause: err })
    }
  })
  return reader.policy()
}

/** The text of a policy, which parsePolicy reads back. */
export function formatPolicy ({ logs, witnesses, groups, quorum }: Policy): string {
  const lines = [
    ...logs.map(({ key, from, to, url }) => from === 0n && to === undefined
      ? ['log', formatVerifierKey(key), url]
      : ['log', formatVerifierKey(key), `sizes:${from}-${to ?? ''}`]),
    ...witnesses.map(({ name, key, url }) => ['witness', name, formatVerifierKey(key), url]),
    ...groups.map(({ name, threshold, members }) => ['group', name, threshold, ...members]),
    ['quorum', quorum]
  ]
  return lines.map((items) => `${items.filter((item) => item !== undefined).join(' ')}\n`).join('')
}

/**
 * A policy of keys alone: any of the logs, and `quorum` of the witnesses. Throws FormatError for a
 * quorum of more witnesses than there are, and for one of them under two names.
 */
export function policyOf (
  logs: readonly VerifierKey[], witnesses: readonly VerifierKey[] = [], quorum = 0
): Policy {
  if (quorum < 0 || quorum > witnesses.length) {
    throw new FormatError(`quorum: ${quorum} of ${witnesses.length} witnesses`)
  }
  const named: PolicyWitness[] = []
  for (const key of witnesses) {
    assertNew(key, named)
    named.push({ name: `w${named.length + 1}`, key })
  }
  const group = { name: 'quorum', threshold: quorum, members: named.map(({ name }) => name) }
  return {
    logs: logs.map((key) => ({ key, from: 0n, to: undefined })),
    witnesses: named,
    groups: quorum === 0 ? [] : [group],
    quorum: quorum === 0 ? NONE : group.name
  }
}

/** Whether these witnesses' cosignatures are enough: C2SP tlog-policy, "Defining the quorum". */
export function meetsQuorum (policy: Policy, cosigned: ReadonlySet<string>): boolean {
  const met = new Set([...cosigned, NONE])
  for (const { name, threshold, members } of policy.groups) {
    if (members.filter((member) => met.has(member)).length >= threshold) met.add(name)
  }
  return met.has(policy.quorum)
}

/** Takes a policy line by line: a name must be defined above where it is used. */
class PolicyReader {
  readonly #logs: PolicyLog[] = []
  readonly #witnesses: PolicyWitness[] = []
  readonly #groups: PolicyGroup[] = []
  readonly #names = new Set<string>()
  readonly #members = new Set<string>()
  #quorum: string | undefined

  line ([kind, ...items]: string[]): void {
    if (kind === undefined || kind.startsWith('#')) return
    if (kind === 'log') this.#log(items)
    else if (kind === 'witness') this.#witness(items)
    else if (kind === 'group') this.#group(items)
    else if (kind === 'quorum') this.#setQuorum(items)
    else throw new FormatError(`${JSON.stringify(kind)} is not log, witness, group or quorum`)
  }

  policy (): Policy {
    if (this.#quorum === undefined) throw new FormatError('policy: no quorum line')
    return {
      logs: this.#logs, witnesses: this.#witnesses, groups: this.#groups, quorum: this.#quorum
    }
  }

  #log (items: string[]): void {
    const [vkey, url] = atMost(items, 2)
    const key = parseVerifierKey(vkey)
    // A ledger signs its tenants' logs, and the epochs of each, with one key under several names.
    assertNew(key, this.#logs.filter((log) => log.key.name === key.name))
    const [, from, to] = SIZES.exec(url ?? '') ?? []
    if (from === undefined) {
      this.#logs.push({ key, from: 0n, to: undefined, ...checkUrl(url) })
      return
    }
    const range = {
      from: parseDecimal(from, 'sizes'), to: to ? parseDecimal(to, 'sizes') : undefined
    }
    if (range.to !== undefined && range.to < range.from) throw new FormatError('sizes: none')
    this.#logs.push({ key, ...range })
  }

  #witness (items: string[]): void {
    const [name, vkey = '', url] = atMost(items, 3)
    const key = parseVerifierKey(vkey)
    if (key.type !== COSIGNATURE) throw new FormatError(`${key.name} is not a cosignature key`)
    assertNew(key, this.#witnesses)
    this.#define(name)
    this.#witnesses.push({ name, key, ...checkUrl(url) })
  }

  #group ([name, count = '', ...members]: string[]): void {
    if (name === undefined || members.length === 0) throw new FormatError('a group without members')
    for (const member of members) {
      if (!this.#names.has(member)) throw new FormatError(`${member} is not defined above`)
      if (this.#members.has(member)) throw new FormatError(`${member} is in a group already`)
      this.#members.add(member)
    }
    this.#define(name)
    const words = new Map([['any', 1], ['all', members.length]])
    const threshold = words.get(count) ?? Number(parseDecimal(count, 'threshold'))
    if (threshold < 1 || threshold > members.length) {
      throw new FormatError(`${threshold} of ${members.length} members`)
    }
    this.#groups.push({ name, threshold, members })
  }

  #setQuorum (items: string[]): void {
    const [name] = atMost(items, 1)
    if (this.#quorum !== undefined) throw new FormatError('a second quorum line')
    if (name !== NONE && !this.#names.has(name)) {
      throw new FormatError(`${name} is not defined above`)
    }
    this.#quorum = name
  }

  #define (name: string): void {
    if (name === NONE || this.#names.has(name)) throw new FormatError(`${name} is taken`)
    this.#names.add(name)
  }
}

function atMost (items: string[], max: number): [string, ...string[]] {
  const [first, ...rest] = items
  if (first === undefined) throw new FormatError('nothing after the first word')
  if (items.length > max) throw new FormatError(`${items[max]} is one word too many`)
  return [first, ...rest]
}

/** Two keys are the same if their bytes are. */
function assertNew (key: VerifierKey, known: readonly { key: VerifierKey }[]): void {
  if (known.some((other) => other.key.publicKey.equals(key.publicKey))) {
    throw new FormatError(`the key of ${key.name} stands there already`)
  }
}

/** A misspelt `sizes:` must not pass for a URL and trust a key for ever. */
function checkUrl (url: string | undefined): { url?: string } {
  if (url === undefined) return {}
  if (!/^https?:\/\/[^\s]+$/.test(url)) throw new FormatError(`${url} is neither a URL nor sizes`)
  return { url }
}

import { decodeHash, FormatError, parseDecimal } from './format.ts'
import { canonicalJson, membersOf, parseCanonical } from './leaf.ts'
import type { Opening } from './section.ts'

/** First member of every bundle, and the version of the format. */
export const BUNDLE_FORMAT = 'audit-ledger/bundle@v1'

/** Leaves that one run holds at most: those of a full tile. */
export const RUN_MAX = 256

/** The longest line, in bytes with its newline. Leaf data is at most 65,535 bytes. */
export const LINE_BYTES_MAX = 4 * 1024 * 1024

/**
 * What a bundle claims to show. `range`: every leaf of [from, to). `stream`: revisions 0 to
 * revisions - 1 of a stream, none missing. `filter`: leaves that were chosen by a filter; each is
 * proven, that there are no others is not.
 */
export type Scope =
  | { type: 'range', from: bigint, to: bigint }
  | { type: 'stream', stream: string, revisions: bigint }
  | { type: 'filter', filter: unknown }

/** The first line. */
export interface Manifest {
  /** The log, as its checkpoints call it. */
  origin: string
  scope: Scope
  /** The ledger's keys as it publishes them (C2SP tlog-policy): to be compared, not trusted. */
  policy: string
}

/**
 * One line of a bundle. In this order: manifest, checkpoint, older*, (run, (leaf, opening*,
 * shredded*)+)*, end.
 */
export type BundleLine =
  | { kind: 'manifest', manifest: Manifest }
  /** The signed checkpoint that every run is proven in. */
  | { kind: 'checkpoint', checkpoint: string }
  /** An earlier signed checkpoint, and the proof that the tree continued it. */
  | { kind: 'older', checkpoint: string, proof: Buffer[] }
  /** The leaves [from, to) follow; verifyRange proves them. */
  | { kind: 'run', from: bigint, to: bigint, proof: Buffer[] }
  | { kind: 'leaf', index: bigint, hash: Buffer, leaf: string }
  /** What a sealed section of the leaf above says. */
  | { kind: 'opening', index: bigint, opening: Opening }
  /** The sections of this subject in the leaf above can be opened by nobody any more. */
  | { kind: 'shredded', index: bigint, ref: string }
  /** How many leaves there were, and the SHA-256 of all lines above, hexadecimal. */
  | { kind: 'end', leaves: bigint, sha256: string }

const LEAF_HEAD = /^\{"hash":"([A-Za-z0-9+/]{43}=)","index":"([0-9]{1,19})","leaf":/

/**
 * A line with its newline: canonical JSON (RFC 8785). Leaf data stands in its line byte for byte,
 * from `"leaf":` to the last brace. Throws FormatError for leaf data of more than one line.
 */
export function formatLine (line: BundleLine): string {
  if (line.kind !== 'leaf') return `${canonicalJson(jsonOf(line))}\n`
  if (line.leaf.includes('\n')) throw new FormatError(`leaf ${line.index}: not canonical JSON`)
  return `{"hash":"${line.hash.toString('base64')}","index":"${line.index}","leaf":${line.leaf}}\n`
}

/**
 * The line of a text without its newline. Throws FormatError for any other line, and any other
 * spelling of it; leaf data is not looked into.
 */
export function parseLine (text: string): BundleLine {
  const [head, hash, index] = LEAF_HEAD.exec(text) ?? []
  if (head !== undefined && hash !== undefined && index !== undefined && text.endsWith('}')) {
    return {
      kind: 'leaf',
      index: parseDecimal(index, 'leaf: index'),
      hash: decodeHash(hash, 'leaf: hash'),
      leaf: text.slice(head.length, -1)
    }
  }
  const members = membersOf(parseCanonical(text, 'line'), 'line')
  const [first, second = '', ...more] = Object.keys(members).sort()
  const parse = PARSERS.get(`${first} ${second} ${more.join(' ')}`.trim())
  if (parse === undefined) throw new FormatError('line: of no known kind')
  return parse(members)
}

type Members = Record<string, unknown>

/** By the members that a line has, sorted. */
const PARSERS = new Map<string, (members: Members) => BundleLine>([
  ['bundle origin policy scope', parseManifest],
  ['checkpoint', ({ checkpoint }) => (
    { kind: 'checkpoint', checkpoint: textOf(checkpoint, 'checkpoint') })],
  ['older proof', ({ older, proof }) => (
    { kind: 'older', checkpoint: textOf(older, 'older'), proof: hashesOf(proof) })],
  ['proof run', parseRun],
  ['index open', parseOpening],
  ['index shredded', ({ index, shredded }) => (
    { kind: 'shredded', index: numberOf(index, 'index'), ref: textOf(shredded, 'shredded') })],
  ['end', parseEnd]
])

function parseManifest ({ bundle, origin, policy, scope }: Members): BundleLine {
  if (bundle !== BUNDLE_FORMAT) throw new FormatError(`manifest: not ${BUNDLE_FORMAT}`)
  const manifest = {
    origin: textOf(origin, 'origin'),
    policy: textOf(policy, 'policy'),
    scope: parseScope(membersOf(scope, 'scope'))
  }
  return { kind: 'manifest', manifest }
}

function parseScope ({ type, ...rest }: Members): Scope {
  const members = Object.keys(rest).sort().join(' ')
  if (type === 'range' && members === 'from to') {
    return { type, from: numberOf(rest['from'], 'from'), to: numberOf(rest['to'], 'to') }
  }
  if (type === 'stream' && members === 'revisions stream') {
    const revisions = numberOf(rest['revisions'], 'revisions')
    return { type, stream: textOf(rest['stream'], 'stream'), revisions }
  }
  if (type === 'filter' && members === 'filter') return { type, filter: rest['filter'] }
  throw new FormatError('scope: neither range, stream nor filter')
}

function parseRun ({ proof, run }: Members): BundleLine {
  const members = exactly(run, 'run', ['from', 'to'])
  const [from, to] = [numberOf(members['from'], 'from'), numberOf(members['to'], 'to')]
  if (from >= to || to - from > BigInt(RUN_MAX)) throw new FormatError(`run: ${from} to ${to}`)
  return { kind: 'run', from, to, proof: hashesOf(proof) }
}

function parseOpening ({ index, open }: Members): BundleLine {
  const { plain, r, ref } = exactly(open, 'open', ['plain', 'r', 'ref'])
  const opening = {
    ref: textOf(ref, 'ref'), r: textOf(r, 'r'), plain: membersOf(plain, 'plain')
  }
  return { kind: 'opening', index: numberOf(index, 'index'), opening }
}

function parseEnd ({ end }: Members): BundleLine {
  const { leaves, sha256 } = exactly(end, 'end', ['leaves', 'sha256'])
  return { kind: 'end', leaves: numberOf(leaves, 'leaves'), sha256: textOf(sha256, 'sha256') }
}

function jsonOf (line: Exclude<BundleLine, { kind: 'leaf' }>): unknown {
  switch (line.kind) {
    case 'manifest': {
      const { origin, policy, scope } = line.manifest
      return { bundle: BUNDLE_FORMAT, origin, policy, scope: scopeJson(scope) }
    }
    case 'checkpoint': return { checkpoint: line.checkpoint }
    case 'older': return { older: line.checkpoint, proof: line.proof.map(base64) }
    case 'run': return {
      run: { from: `${line.from}`, to: `${line.to}` }, proof: line.proof.map(base64)
    }
    case 'opening': return { index: `${line.index}`, open: line.opening }
    case 'shredded': return { index: `${line.index}`, shredded: line.ref }
    case 'end': return { end: { leaves: `${line.leaves}`, sha256: line.sha256 } }
  }
}

function scopeJson (scope: Scope): unknown {
  switch (scope.type) {
    case 'range': return { type: scope.type, from: `${scope.from}`, to: `${scope.to}` }
    case 'stream': return { ...scope, revisions: `${scope.revisions}` }
    case 'filter': return scope
  }
}

function base64 (bytes: Buffer): string {
  return bytes.toString('base64')
}

/** The members of an object that has no others: nobody would look at those. */
function exactly (value: unknown, what: string, names: readonly string[]): Members {
  const members = membersOf(value, what)
  if (Object.keys(members).sort().join(' ') === names.join(' ')) return members
  throw new FormatError(`${what}: its members are not ${names.join(', ')}`)
}

function textOf (value: unknown, what: string): string {
  if (typeof value !== 'string') throw new FormatError(`${what}: not a string`)
  return value
}

function numberOf (value: unknown, what: string): bigint {
  return parseDecimal(textOf(value, what), what)
}

function hashesOf (value: unknown): Buffer[] {
  if (!Array.isArray(value)) throw new FormatError('proof: not an array')
  return value.map((hash) => decodeHash(textOf(hash, 'proof'), 'proof'))
}

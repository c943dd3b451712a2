import { LINE_BYTES_MAX, type Scope } from './bundle.ts'
import type { Checkpoint } from './checkpoint.ts'
import { Continuity } from './continuity.ts'
import { Dates } from './dates.ts'
import { fault, messageOf, type Finding, type FindingKind } from './finding.ts'
import { leafHash, parseLeafData, type LeafEvent } from './leaf.ts'
import { LineSplitter } from './line-splitter.ts'
import { verifyInclusion } from './merkle-proof.ts'
import type { Policy } from './policy.ts'
import { sectionsOf } from './section.ts'
import { parseTlogProof, type TlogProof } from './tlog-proof.ts'
import { describe, judgeAge, judgeCheckpoint, type AgeLimit, type Cosignature } from './trust.ts'
import { BundleVerifier, type BundleCounts } from './verify-bundle.ts'

export interface VerifyOptions {
  /** Whom the verifier trusts. Keys that come with the evidence count for nothing. */
  policy: Policy
  /** A signed checkpoint that the verifier kept: the tree must have continued it. */
  kept?: string
  /** How old the newest cosignature may be. */
  age?: AgeLimit
  /** The id of an event that has to be among what is shown. */
  event?: string
}

export interface VerifyBundleOptions extends VerifyOptions {
  /** The SHA-256 that the whole file must have, hexadecimal, as the receiver was told elsewhere. */
  sha256?: string
  /** Told after every chunk. */
  onProgress?: (progress: { bytes: number, leaves: number, proven: number }) => void
}

/** What was verified. */
export interface Summary extends BundleCounts {
  /** Something was proven, and there are no faults: that a leaf was not proven is one. */
  ok: boolean
  /** How many findings of each kind, both faults and infos. */
  findings: Partial<Record<FindingKind, number>>
  /** Faults among them. */
  faults: number
  checkpoint: Checkpoint | undefined
  cosignatures: readonly Cosignature[]
  /** What was claimed to be complete; undefined for a single proof. */
  scope: Scope | undefined
  /** What a single proof is about; undefined for a bundle, and for what is no event. */
  event: LeafEvent | undefined
  /** The SHA-256 of the file, hexadecimal. */
  sha256: string | undefined
}

/**
 * Verifies a bundle offline, reading it once with bounded memory: the signed checkpoint against
 * the policy, every leaf's data against its hash, every hash against the signed root (RFC 9162
 * section 2.1.3), that no leaf or revision of the scope is missing, doubled or out of order, and
 * whatever was shown of sealed sections. Yields findings as they are met, returns the summary.
 * Never throws for what is in the file; an error of the source itself is thrown.
 */
export async function * verifyBundle (
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: VerifyBundleOptions
): AsyncGenerator<Finding, Summary> {
  const verifier = new BundleVerifier(options)
  const splitter = new LineSplitter(LINE_BYTES_MAX)
  const tally = new Tally()
  let bytes = 0
  for await (const chunk of chunks) {
    for (const line of splitter.push(chunk)) yield * tally.count(verifier.line(line))
    bytes += chunk.length
    const { leaves, proven } = verifier.counts
    options.onProgress?.({ bytes, leaves, proven })
    if (splitter.overflow) break
  }
  yield * tally.count(verifier.end(splitter.rest))
  const { counts, scope, checkpoint, cosignatures, sha256 } = verifier
  yield * tally.count([
    ...judgeDigest(sha256, options.sha256),
    ...judgeAge(cosignatures, options.age),
    ...judgeEvent(options.event, verifier.found)
  ])
  yield * tally.count(judgeProven(counts, tally.faults))
  const event = undefined
  return { ...tally.result(), ...counts, scope, event, checkpoint, cosignatures, sha256 }
}

/**
 * Verifies a single proof (C2SP tlog-proof) offline: its checkpoint against the policy, and that
 * the leaf is in the signed tree (RFC 9162 section 2.1.3.2). `leaf`: the leaf data; default: what
 * the proof carries as extra data. Never throws for what it is given.
 */
export function verifyProof (
  text: string, options: VerifyOptions & { leaf?: string }
): { findings: Finding[], summary: Summary } {
  let proof: TlogProof
  try {
    proof = parseTlogProof(text)
  } catch (err) {
    return conclude([fault('malformed', messageOf(err))], NOTHING)
  }
  const { policy, kept, age } = options
  const { checkpoint, cosignatures, findings } = judgeCheckpoint(proof.checkpoint, policy)
  const leaf = options.leaf ?? proof.extra?.toString('utf8')
  if (checkpoint === undefined || leaf === undefined) {
    if (leaf === undefined) findings.push(fault('missing', 'the leaf data is not there'))
    return conclude(findings, { ...NOTHING, checkpoint })
  }
  const { index } = proof
  const claim = { index, size: checkpoint.size, leafHash: leafHash(leaf), root: checkpoint.root }
  const trusted = findings.length === 0
  const included = verifyInclusion(claim, proof.proof)
  if (!included) {
    const message = `leaf ${index} is not shown to be in ${describe(checkpoint)}`
    findings.push(fault('bad-proof', message, { index }))
  }
  const continuity = kept === undefined ? [] : new Continuity(kept, policy).end(checkpoint)
  findings.push(...continuity, ...judgeAge(cosignatures, age))
  const { event, findings: wrong } = judgeLeaf(leaf, index, cosignatures)
  const proven = trusted && included ? 1 : 0
  const sealed = sectionsOf(event?.data).length
  return conclude([...findings, ...wrong, ...judgeEvent(options.event, event?.id)], {
    ...NOTHING, leaves: 1, proven, sealed, event, checkpoint, cosignatures
  })
}

/** All findings of a verification, for those who do not need them one by one. */
export async function collect (
  verification: AsyncGenerator<Finding, Summary>
): Promise<{ findings: Finding[], summary: Summary }> {
  const findings: Finding[] = []
  for (;;) {
    const { done, value } = await verification.next()
    if (done === true) return { findings, summary: value }
    findings.push(value)
  }
}

type Result = Pick<Summary, 'ok' | 'findings' | 'faults'>

const NOTHING: Omit<Summary, keyof Result> = {
  leaves: 0,
  proven: 0,
  sealed: 0,
  opened: 0,
  shredded: 0,
  unfollowed: 0,
  checkpoint: undefined,
  cosignatures: [],
  scope: undefined,
  event: undefined,
  sha256: undefined
}

/** Counts findings as they pass. */
class Tally {
  readonly #kinds: Summary['findings'] = {}
  #faults = 0

  count (findings: Finding[]): Finding[] {
    for (const { kind, severity } of findings) {
      this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1
      if (severity === 'fault') this.#faults++
    }
    return findings
  }

  get faults (): number {
    return this.#faults
  }

  result (): Result {
    return { ok: this.#faults === 0, findings: this.#kinds, faults: this.#faults }
  }
}

function conclude (
  findings: Finding[], rest: Omit<Summary, keyof Result>
): { findings: Finding[], summary: Summary } {
  const tally = new Tally()
  const told = tally.count(findings)
  const all = [...told, ...tally.count(judgeProven(rest, tally.faults))]
  return { findings: all, summary: { ...rest, ...tally.result() } }
}

function judgeLeaf (leaf: string, index: bigint, cosignatures: readonly Cosignature[]) {
  const dates = new Dates()
  dates.head(cosignatures)
  try {
    const event = parseLeafData(leaf)
    const { data, stream, revision } = event
    return { event, findings: dates.check(index, data, { index, stream, revision }) }
  } catch (err) {
    return { event: undefined, findings: [fault('malformed', messageOf(err), { index })] }
  }
}

function judgeEvent (wanted: string | undefined, shown: string | undefined): Finding[] {
  return wanted === undefined || wanted === shown
    ? []
    : [fault('missing', `event ${wanted} is not what is shown`)]
}

function judgeDigest (actual: string, wanted: string | undefined): Finding[] {
  return wanted === undefined || wanted === actual
    ? []
    : [fault('tampered', `the file's SHA-256 is ${actual}, not ${wanted}`)]
}

/** Nothing that holds is not the same as nothing that is wrong; nor are leaves without proof. */
function judgeProven (
  { leaves, proven }: Pick<BundleCounts, 'leaves' | 'proven'>, faults: number
): Finding[] {
  if (proven === 0) return [fault('empty', 'nothing was proven')]
  return proven === leaves || faults > 0
    ? []
    : [fault('bad-proof', `${leaves - proven} leaves are not shown to be in the tree`)]
}

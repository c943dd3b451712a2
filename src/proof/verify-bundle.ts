import { createHash } from 'node:crypto'
import { parseLine, type BundleLine, type Manifest, type Scope } from './bundle.ts'
import type { Checkpoint } from './checkpoint.ts'
import { Continuity } from './continuity.ts'
import { Dates } from './dates.ts'
import { fault, messageOf, type Finding, type FindingPlace } from './finding.ts'
import { decodeUtf8 } from './format.ts'
import { leafHash, parseLeafData } from './leaf.ts'
import type { Policy } from './policy.ts'
import { sectionsOf, verifyOpening, type Section } from './section.ts'
import { StreamOrder } from './stream-order.ts'
import { describe, judgeCheckpoint, judgeConsistency, type Cosignature } from './trust.ts'
import { missingLeaves, RunVerifier, type LeafLine, type RunLine } from './verify-run.ts'

/** What a bundle holds, as far as it was read. */
export interface BundleCounts {
  /** Leaf lines, and how many of them are shown to be in a tree whose head is trusted. */
  leaves: number
  proven: number
  /** Sealed sections, and how many of them were shown open and are what was sealed. */
  sealed: number
  opened: number
  shredded: number
  /** Leaves of streams that were too many to follow their revisions. */
  unfollowed: number
}

/** The sealed sections of the leaf above. */
const NO_SECTIONS: { index: bigint, sections: Section[] } = { index: -1n, sections: [] }

type LineOf<Kind extends BundleLine['kind']> = Extract<BundleLine, { kind: Kind }>

/**
 * Verifies a bundle line by line. No line is believed: what counts is the policy, the keys in it,
 * and hashes that lead to a root which these keys signed.
 */
export class BundleVerifier {
  readonly #policy: Policy
  readonly #continuity: Continuity | undefined
  readonly #dates = new Dates()
  readonly #digest = createHash('sha256')
  readonly #counts: BundleCounts = {
    leaves: 0, proven: 0, sealed: 0, opened: 0, shredded: 0, unfollowed: 0
  }

  #lines = 0
  #manifest: Manifest | undefined
  #checkpoint: Checkpoint | undefined
  #trusted = false
  #cosignatures: Cosignature[] = []
  #streams = new StreamOrder(undefined)
  #run: { verifier: RunVerifier, line: RunLine } | undefined
  #next = 0n
  #sections = NO_SECTIONS
  #ended = false
  readonly #wanted: string | undefined
  #found: string | undefined

  constructor ({ policy, kept, event }: { policy: Policy, kept?: string, event?: string }) {
    this.#policy = policy
    this.#wanted = event
    this.#continuity = kept === undefined ? undefined : new Continuity(kept, policy)
  }

  get counts (): BundleCounts {
    return { ...this.#counts, unfollowed: this.#streams.unfollowed }
  }

  get scope (): Scope | undefined {
    return this.#manifest?.scope
  }

  get checkpoint (): Checkpoint | undefined {
    return this.#checkpoint
  }

  get cosignatures (): readonly Cosignature[] {
    return this.#cosignatures
  }

  /** The id of the event that was asked for, if one of the leaves is it. */
  get found (): string | undefined {
    return this.#found
  }

  /** The SHA-256 of all lines so far, hexadecimal. */
  get sha256 (): string {
    return this.#digest.copy().digest('hex')
  }

  /** Takes a line with its newline. */
  line (bytes: Buffer): Finding[] {
    const place = { line: ++this.#lines }
    let findings: Finding[]
    try {
      const line = parseLine(decodeUtf8(bytes.subarray(0, -1), 'line'))
      const head = this.#lines === 1 && line.kind !== 'manifest'
      findings = [
        ...(head ? [fault('truncated', 'the manifest is missing', place)] : []),
        ...this.#take(line, place)
      ]
    } catch (err) {
      findings = [fault('malformed', messageOf(err), place)]
    }
    this.#digest.update(bytes)
    return findings
  }

  /** The end of the file. `rest`: what stands behind its last newline. */
  end (rest: Buffer): Finding[] {
    const findings = this.#closeRun()
    this.#digest.update(rest)
    if (!this.#ended) findings.push(fault('truncated', 'the last line is missing'))
    else if (rest.length > 0) findings.push(fault('malformed', 'bytes after the last line'))
    const scope = this.scope
    if (scope?.type === 'range' && this.#next < scope.to && scope.from < scope.to) {
      const from = this.#next > scope.from ? this.#next : scope.from
      findings.push(missingLeaves(from, scope.to, this.#lines))
    }
    findings.push(...this.#streams.end())
    if (this.#checkpoint === undefined) {
      findings.push(fault('missing', 'there is no checkpoint to prove anything in'))
    } else if (this.#continuity !== undefined) {
      findings.push(...this.#continuity.end(this.#checkpoint))
    }
    return findings
  }

  #take (line: BundleLine, place: { line: number }): Finding[] {
    if (this.#ended) return [fault('malformed', 'a line after the last line', place)]
    switch (line.kind) {
      case 'manifest': return this.#takeManifest(line, place)
      case 'checkpoint': return this.#takeCheckpoint(line, place)
      case 'older': return this.#takeOlder(line, place)
      case 'run': return this.#takeRun(line, place)
      case 'leaf': return this.#takeLeaf(line, place)
      case 'opening': return this.#takeOpening(line, place)
      case 'shredded': return this.#takeShredded(line, place)
      case 'end': return this.#takeEnd(line, place)
    }
  }

  #takeManifest ({ manifest }: LineOf<'manifest'>, place: FindingPlace): Finding[] {
    if (this.#lines !== 1) return [fault('malformed', 'a second manifest', place)]
    this.#manifest = manifest
    this.#streams = new StreamOrder(manifest.scope)
    return []
  }

  #takeCheckpoint ({ checkpoint: text }: LineOf<'checkpoint'>, place: FindingPlace): Finding[] {
    if (this.#checkpoint !== undefined) return [fault('malformed', 'a second checkpoint', place)]
    if (this.#run !== undefined) return [fault('malformed', 'a checkpoint after a run', place)]
    const { checkpoint, cosignatures, findings } = judgeCheckpoint(text, this.#policy)
    this.#checkpoint = checkpoint
    this.#cosignatures = cosignatures
    this.#dates.head(cosignatures)
    const origin = this.#manifest?.origin ?? checkpoint?.origin
    const foreign = checkpoint !== undefined && checkpoint.origin !== origin
      ? [fault('foreign', `${describe(checkpoint)} is not of ${origin}`)]
      : []
    const wrong = [...findings, ...foreign]
    this.#trusted = wrong.length === 0
    return wrong.map((finding) => ({ ...finding, ...place }))
  }

  #takeOlder ({ checkpoint: text, proof }: LineOf<'older'>, place: FindingPlace): Finding[] {
    const newer = this.#checkpoint
    if (newer === undefined) return [fault('malformed', 'an earlier checkpoint first', place)]
    if (this.#run !== undefined) return [fault('malformed', 'an earlier one after a run', place)]
    const { checkpoint: older, cosignatures, findings } = judgeCheckpoint(text, this.#policy)
    // Witnesses may have come later than it: only of the head is a quorum asked.
    const wrong = findings.filter(({ kind }) => kind !== 'no-quorum')
    if (older !== undefined) {
      wrong.push(...judgeConsistency({ older, newer, proof }))
      this.#continuity?.proof({ older, newer, proof })
      this.#dates.earlier(older.size, cosignatures)
    }
    return wrong.map((finding) => ({ ...finding, ...place }))
  }

  #takeRun (line: RunLine, place: { line: number }): Finding[] {
    const early = this.#checkpoint === undefined && this.#run === undefined
    const findings = [
      ...(early ? [fault('malformed', 'a run before the checkpoint', place)] : []),
      ...this.#closeRun(),
      ...this.#judgeOrder(line, place)
    ]
    this.#sections = NO_SECTIONS
    this.#run = { verifier: new RunVerifier(line, place.line), line }
    if (line.to > this.#next) this.#next = line.to
    return findings
  }

  #judgeOrder ({ from, to }: RunLine, place: { line: number }): Finding[] {
    const at = { ...place, index: from }
    const scope = this.scope
    if (from < this.#next) {
      const again = this.#run?.line.from === from
      return [fault(again ? 'duplicated' : 'reordered',
        `leaves ${from} to ${to - 1n} after leaf ${this.#next - 1n}`, at)]
    }
    if (scope?.type !== 'range') return []
    if (from < scope.from || to > scope.to) {
      return [fault('foreign', `leaves ${from} to ${to - 1n} are not in the range`, at)]
    }
    const due = this.#next > scope.from ? this.#next : scope.from
    return from > due ? [missingLeaves(due, from, place.line)] : []
  }

  #closeRun (): Finding[] {
    const run = this.#run
    if (run === undefined) return []
    const { findings, proven, hashes } = run.verifier.close(this.#checkpoint)
    this.#continuity?.leaves(run.line.from, hashes)
    if (this.#trusted) this.#counts.proven += proven
    return findings
  }

  #takeLeaf (line: LeafLine, place: FindingPlace): Finding[] {
    const at = { ...place, index: line.index }
    this.#counts.leaves++
    this.#sections = NO_SECTIONS
    const findings = this.#run === undefined
      ? [fault('malformed', `leaf ${line.index} has no proof`, at)]
      : this.#run.verifier.leaf(line, leafHash(line.leaf), at)
    try {
      const { id, stream, revision, data } = parseLeafData(line.leaf)
      if (id === this.#wanted) this.#found = id
      this.#sections = { index: line.index, sections: sectionsOf(data) }
      this.#counts.sealed += this.#sections.sections.length
      findings.push(...this.#streams.see(stream, revision, at))
      findings.push(...this.#dates.check(line.index, data, { ...at, stream, revision }))
    } catch (err) {
      findings.push(fault('malformed', messageOf(err), at))
    }
    return findings
  }

  #takeOpening ({ index, opening }: LineOf<'opening'>, place: FindingPlace): Finding[] {
    const at = { ...place, index }
    const sections = this.#sectionsOf(index, opening.ref)
    if (sections.some((section) => verifyOpening(section, opening))) {
      this.#counts.opened++
      return []
    }
    return [fault('bad-opening', `leaf ${index}: that was not sealed for ${opening.ref}`, at)]
  }

  #takeShredded ({ index, ref }: LineOf<'shredded'>, place: FindingPlace): Finding[] {
    const at = { ...place, index }
    const sections = this.#sectionsOf(index, ref)
    if (sections.length === 0) {
      return [fault('malformed', `leaf ${index} has nothing sealed for ${ref}`, at)]
    }
    this.#counts.shredded += sections.length
    const message = `leaf ${index}: what was sealed for ${ref} can be opened by nobody any more`
    return [{ kind: 'shredded', severity: 'info', message, ...at }]
  }

  #sectionsOf (index: bigint, ref: string): Section[] {
    const { index: last, sections } = this.#sections
    return index === last ? sections.filter((section) => section.ref === ref) : []
  }

  #takeEnd ({ leaves, sha256 }: LineOf<'end'>, place: FindingPlace): Finding[] {
    this.#ended = true
    const counted = BigInt(this.#counts.leaves)
    return [
      ...(leaves === counted
        ? []
        : [fault('missing', `${counted} leaves instead of ${leaves}`, place)]),
      ...(sha256 === this.sha256
        ? []
        : [fault('tampered', 'the lines above are not those that were written', place)])
    ]
  }
}

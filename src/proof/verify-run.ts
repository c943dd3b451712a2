import type { BundleLine } from './bundle.ts'
import type { Checkpoint } from './checkpoint.ts'
import { fault, type Finding, type FindingPlace } from './finding.ts'
import { verifyRange } from './merkle-proof.ts'

export type RunLine = Extract<BundleLine, { kind: 'run' }>
export type LeafLine = Extract<BundleLine, { kind: 'leaf' }>

/** What came of a run. */
export interface RunVerdict {
  findings: Finding[]
  /** How many of its leaves are shown to be in the tree. */
  proven: number
  /** The leaf hashes from the first to the last, empty unless the run is proven. */
  hashes: Buffer[]
}

/** A leaf with the hash that its line states, and the one that its data has. */
interface Slot {
  stated: Buffer
  actual: Buffer
}

/**
 * Verifies neighbouring leaves under one proof. Its proof is checked with the stated hashes, so
 * that an altered leaf is found out alone and does not take its neighbours with it.
 */
export class RunVerifier {
  readonly #run: RunLine
  readonly #line: number
  readonly #slots: Array<Slot | undefined>
  #next: bigint

  constructor (run: RunLine, line: number) {
    this.#run = run
    this.#line = line
    this.#slots = new Array(Number(run.to - run.from)).fill(undefined)
    this.#next = run.from
  }

  /** Takes a leaf. `actual`: the hash of its data. */
  leaf ({ index, hash }: LeafLine, actual: Buffer, place: FindingPlace): Finding[] {
    const { from, to } = this.#run
    if (index < from || index >= to) {
      return [fault('reordered', `leaf ${index} stands among leaves ${from} to ${to - 1n}`, place)]
    }
    const slot = Number(index - from)
    if (this.#slots[slot] !== undefined) {
      return [fault('duplicated', `leaf ${index} a second time`, place)]
    }
    this.#slots[slot] = { stated: hash, actual }
    const findings = hash.equals(actual)
      ? []
      : [fault('tampered', `leaf ${index} is not what its hash says`, place)]
    if (index < this.#next) {
      findings.push(fault('reordered', `leaf ${index} after leaf ${this.#next - 1n}`, place))
    } else {
      this.#next = index + 1n
    }
    return findings
  }

  /** Checks the proof, when all leaves of the run were seen. Without a head nothing is proven. */
  close (checkpoint: Checkpoint | undefined): RunVerdict {
    const slots = this.#slots.filter((slot) => slot !== undefined)
    const findings = this.#gaps()
    if (findings.length > 0) return { findings, proven: 0, hashes: [] }
    if (checkpoint === undefined) return this.#unproven('any tree')
    const stated = slots.map((slot) => slot.stated)
    if (this.#proves(stated, checkpoint)) {
      const proven = slots.filter((slot) => slot.stated.equals(slot.actual)).length
      return { findings, proven, hashes: stated }
    }
    // If it was the stated hash that was altered, the data is still what was signed.
    const actual = slots.map((slot) => slot.actual)
    if (this.#proves(actual, checkpoint)) {
      return { findings, proven: actual.length, hashes: actual }
    }
    return this.#unproven(`the tree of ${checkpoint.size} leaves`)
  }

  #unproven (tree: string): RunVerdict {
    const { from, to } = this.#run
    const message = `leaves ${from} to ${to - 1n} are not shown to be in ${tree}`
    const place = { line: this.#line, index: from }
    return { findings: [fault('bad-proof', message, place)], proven: 0, hashes: [] }
  }

  #proves (hashes: readonly Buffer[], { size, root }: Checkpoint): boolean {
    const { from, to, proof } = this.#run
    return to <= size && verifyRange({ from, to, size }, hashes, proof, root)
  }

  /** One finding for each gap, however wide. */
  #gaps (): Finding[] {
    const findings: Finding[] = []
    const { from } = this.#run
    for (let at = 0; at < this.#slots.length; at++) {
      if (this.#slots[at] !== undefined) continue
      const start = at
      while (at < this.#slots.length && this.#slots[at] === undefined) at++
      findings.push(missingLeaves(from + BigInt(start), from + BigInt(at), this.#line))
    }
    return findings
  }
}

/** The finding for leaves [from, to) that are not there. */
export function missingLeaves (from: bigint, to: bigint, line: number): Finding {
  const which = to - from === 1n ? `leaf ${from} is` : `leaves ${from} to ${to - 1n} are`
  return fault('missing', `${which} missing`, { line, index: from })
}

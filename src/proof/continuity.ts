import type { Checkpoint } from './checkpoint.ts'
import { fault, type Finding } from './finding.ts'
import { append, EMPTY_FRONTIER, frontierRoot } from './merkle.ts'
import { judgeCheckpoint, judgeConsistency, describe, type CheckpointPair } from './trust.ts'
import type { Policy } from './policy.ts'

/**
 * Compares a bundle with a checkpoint that the verifier kept from before: the tree must have
 * continued it. The bundle shows that by a consistency proof, or by all leaves from the first.
 */
export class Continuity {
  readonly #kept: Checkpoint | undefined
  readonly #findings: Finding[]
  #frontier = EMPTY_FRONTIER
  #shown: Finding[] | undefined

  constructor (kept: string, policy: Policy) {
    const { checkpoint, findings } = judgeCheckpoint(kept, policy)
    this.#kept = checkpoint
    // It may be from before the first witness.
    this.#findings = findings.filter(({ kind }) => kind !== 'no-quorum')
  }

  /** A consistency proof that the bundle has. */
  proof (pair: CheckpointPair): void {
    const kept = this.#kept
    if (pair.older.size === kept?.size) {
      this.#shown = judgeConsistency({ ...pair, older: kept })
    }
  }

  /** Proven leaves from `from` on. */
  leaves (from: bigint, hashes: readonly Buffer[]): void {
    const kept = this.#kept
    if (kept === undefined || from !== this.#frontier.size || from >= kept.size) return
    this.#frontier = append(this.#frontier, hashes.slice(0, Number(kept.size - from)))
  }

  /** The verdict, when everything was seen. */
  end (current: Checkpoint): Finding[] {
    const kept = this.#kept
    if (kept === undefined) return this.#findings
    return [...this.#findings, ...(this.#shown ?? this.#compare(kept, current))]
  }

  #compare (kept: Checkpoint, current: Checkpoint): Finding[] {
    if (kept.origin !== current.origin || kept.size >= current.size) {
      return judgeConsistency({ older: kept, newer: current, proof: [] })
    }
    if (this.#frontier.size !== kept.size) {
      return [fault('missing', `nothing shows that the tree continues ${describe(kept)}`)]
    }
    return frontierRoot(this.#frontier).equals(kept.root)
      ? []
      : [fault('forked', `the leaves shown are not those of ${describe(kept)}`)]
  }
}

import { fault, type Finding, type FindingPlace } from './finding.ts'
import { isObject } from './leaf.ts'
import type { Cosignature } from './trust.ts'

/** How far the clocks of a ledger and its witnesses may be apart, in seconds. */
export const CLOCK_TOLERANCE_S = 120

/** The times between which witnesses allow leaves to have been recorded, in milliseconds. */
export class Dates {
  #latest = Infinity
  readonly #earliest: Array<{ size: bigint, time: number }> = []

  /** The checkpoint that all leaves are in: they were there when it was cosigned. */
  head (cosignatures: readonly Cosignature[]): void {
    const time = Math.min(Infinity, ...cosignatures.map(millisecondsOf))
    this.#latest = time + CLOCK_TOLERANCE_S * 1000
  }

  /** An earlier checkpoint: later leaves were not yet there. */
  earlier (size: bigint, cosignatures: readonly Cosignature[]): void {
    const time = Math.max(-Infinity, ...cosignatures.map(millisecondsOf))
    this.#earliest.push({ size, time: time - CLOCK_TOLERANCE_S * 1000 })
  }

  /**
   * Checks when a leaf says it was recorded. After the cosignature is a fault; before an earlier
   * one that lacks the leaf is a hint: so it looks after an outage of the projection, too.
   */
  check (index: bigint, data: unknown, place: FindingPlace): Finding[] {
    const text = recordedAtOf(data)
    const time = text === undefined ? NaN : Date.parse(text)
    if (time > this.#latest) {
      return [fault('misdated', `leaf ${index} was cosigned before ${text}`, place)]
    }
    if (!this.#earliest.some((earlier) => index >= earlier.size && time < earlier.time)) return []
    const message = `leaf ${index} says ${text}, but is not in a checkpoint of a later time`
    return [{ kind: 'misdated', severity: 'info', message, ...place }]
  }
}

function millisecondsOf ({ time }: Cosignature): number {
  return Number(time) * 1000
}

function recordedAtOf (data: unknown): string | undefined {
  const recordedAt = isObject(data) ? data['recordedAt'] : undefined
  return typeof recordedAt === 'string' ? recordedAt : undefined
}

import type { LedgerError } from '../errors.ts'

/** That and where an event is recorded, durably. */
export interface Receipt {
  id: string
  stream: string
  revision: bigint
  /**
   * The position in `$all` of the event, or of a later one that was appended with it: the log
   * tells only the last one's. It is the token for reading one's own write.
   */
  position: bigint
  recordedAt: string
  /** SHA-256(0x00 || leaf data), 32 bytes. */
  leafHash: Buffer
  /** The event had been recorded before, with the same content. */
  duplicate: boolean
}

/** What came of one event. */
export type AppendResult =
  | { ok: true, receipt: Receipt }
  | { ok: false, error: LedgerError }

/** Where an event is in the ledger, for ever. 64-bit numbers are texts. */
export interface Receipt {
  id: string
  stream: string
  revision: string
  position: string
  recordedAt: string
  /** SHA-256 of the leaf, hex. */
  leafHash: string
  /** The event was recorded before, by an attempt whose answer was lost, say. */
  duplicate: boolean
}

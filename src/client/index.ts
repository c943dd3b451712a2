/** `audit-ledger/client`: everything that producers import, and nothing else. */
export {
  buffered, categories, type Categories, type Said, type Writer
} from './categories.ts'
export { createClient, type AppendOptions, type Client, type Stats } from './client.ts'
export type { Outcome as AppendOutcome } from './entry.ts'
export {
  AbortedError, BufferFullError, ClientError, ClosedError, FlushError, RefusedError,
  UndeliveredError, UnsendableError, type Problem
} from './errors.ts'
export type * from './event.ts'
export type { ClientOptions } from './options.ts'
export type { Receipt } from './receipt.ts'

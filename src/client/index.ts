/** `audit-ledger/client`: everything that producers import, and nothing else. */
export {
  buffered, categories, type Categories, type Said, type Writer
} from './categories.ts'
export type { ApiCall, ApiCallOptions } from './api-call.ts'
export { createClient, type AppendOptions, type Client, type Stats } from './client.ts'
export type { Outcome as AppendOutcome } from './entry.ts'
export {
  AbortedError, BufferFullError, ClientError, ClosedError, FlushError, RefusedError,
  UndeliveredError, UnsendableError, type Problem
} from './errors.ts'
export type * from './event.ts'
export {
  auditMiddleware, type MiddlewareOptions, type MiddlewareRequest
} from './middleware.ts'
export { mosaic, type MosaicActivity, type MosaicHelpers, type MosaicSaid } from './mosaic.ts'
export type { ClientOptions } from './options.ts'
export type { Receipt } from './receipt.ts'
export { redact, REDACTED, type RedactOptions } from './redact.ts'
export {
  truledgr, type TruledgrActivity, type TruledgrApiTransaction, type TruledgrAuthEvent,
  type TruledgrDataAccess, type TruledgrDataChanges, type TruledgrExternalApi,
  type TruledgrService, type TruledgrSystemEvent
} from './truledgr.ts'

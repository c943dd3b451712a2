/** What an append asks for, and what it comes to. */

/** An expected revision: 0 and up, or one of three words, numbered as in the real server. */
export type Expected = number
export const NO_STREAM = -1
export const ANY = -2
export const STREAM_EXISTS = -4

/** The answer to an append; `revision` is -1 for an empty append to no stream. */
export type AppendResult =
  | { readonly kind: 'appended', readonly revision: number, readonly position?: number }
  | { readonly kind: 'wrong-expected-version', readonly current: number }
  | { readonly kind: 'stream-deleted' }
  | { readonly kind: 'too-large', readonly maxBytes: number }
  | { readonly kind: 'bad-request', readonly message: string }

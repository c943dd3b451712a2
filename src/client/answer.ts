import { retryAfterMs } from './backoff.ts'
import type { Encoded } from './encode.ts'
import type { Problem } from './errors.ts'
import type { Receipt } from './receipt.ts'

/** Try it again: nothing is settled. */
export interface Again {
  kind: 'again'
  cause: unknown
  /** Whether the attempt can have left something in the ledger. */
  mayBeRecorded: boolean
  /** The ledger asks for so much patience, in milliseconds. */
  afterMs: number | undefined
}

/** What came of one event: recorded, refused for good, or to be tried again. */
export type ItemAnswer =
  | { kind: 'recorded', receipt: Receipt }
  | { kind: 'refused', problem: Problem }
  | Again

/** What came of a request: an answer for each event in order, or one for all of them. */
export type Answer =
  | { kind: 'items', items: ItemAnswer[] }
  | { kind: 'refused', problem: Problem }
  /** Too large for something on the way: fewer events may pass. */
  | { kind: 'too-large', problem: Problem }
  | Again

/** Also 500: no 5xx says that nothing was recorded, and with the same ids it can be asked again. */
const AGAIN = new Set([408, 429, 500, 502, 503, 504])
const TOO_MANY_REQUESTS = 429
const CONFLICT = '/stream-conflict'

/** What a response to a list of events says. Whatever is no answer of a ledger is none at all. */
export function readAnswer (
  response: Response, body: string, sent: readonly Encoded[], now: number
): Answer {
  const { status, headers } = response
  const afterMs = retryAfterMs(headers.get('retry-after'), now)
  if (status === 201 || status === 207) return readItems(body, sent) ?? odd(status, 'no receipts')
  if (AGAIN.has(status)) {
    return { ...odd(status, 'try again'), mayBeRecorded: status !== TOO_MANY_REQUESTS, afterMs }
  }
  // A success, or an address elsewhere, that is not the ledger's: a proxy's page, perhaps.
  if (status < 400) return odd(status, 'not an answer of a ledger')
  const problem = problemOf(parse(body), status)
  return { kind: status === 413 ? 'too-large' : 'refused', problem }
}

function odd (status: number, what: string): Again {
  const cause = new Error(`status ${status}: ${what}`)
  return { kind: 'again', cause, mayBeRecorded: true, afterMs: undefined }
}

function readItems (body: string, sent: readonly Encoded[]): Answer | undefined {
  const items: unknown = memberOf(parse(body), 'items')
  if (!Array.isArray(items) || items.length !== sent.length) return undefined
  const answers = sent.map(({ id }, index) => readItem(items[index], id))
  return answers.every((answer) => answer !== undefined)
    ? { kind: 'items', items: answers }
    : undefined
}

function readItem (item: unknown, id: string): ItemAnswer | undefined {
  const status = memberOf(item, 'status')
  if (typeof status !== 'number') return undefined
  if (status === 200 || status === 201) {
    const receipt = memberOf(item, 'receipt')
    return memberOf(receipt, 'id') === id
      ? { kind: 'recorded', receipt: receipt as Receipt }
      : undefined
  }
  const problem = problemOf(memberOf(item, 'problem'), status)
  // Too many writers on one stream: it says so itself that it is worth another try.
  const again = AGAIN.has(status) || (status === 409 && problem.type.endsWith(CONFLICT))
  return again
    ? { kind: 'again', cause: new Error(problem.title), mayBeRecorded: true, afterMs: undefined }
    : { kind: 'refused', problem }
}

function problemOf (value: unknown, status: number): Problem {
  const isProblem = ['type', 'title', 'detail'].every((name) => {
    return typeof memberOf(value, name) === 'string'
  })
  if (isProblem) return { ...value as Problem, status }
  return { type: 'about:blank', title: `status ${status}`, status, detail: 'no explanation' }
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function memberOf (value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

import { createHmac, timingSafeEqual } from 'node:crypto'
import { LedgerError } from '../errors.ts'

const MAC_BYTES = 16
/** A cursor holds one key; anything longer was not made here. */
const CURSOR_MAX_LENGTH = 512

/** Whose query the cursor belongs to: any difference makes it invalid. */
export interface CursorScope {
  /** The server's secret, the same in every process of one ledger. */
  secret: Buffer
  tenant: string
  /** The list, e.g. the route's address pattern. */
  list: string
  /** The filter, paging left out. */
  filter: Readonly<Record<string, unknown>>
}

/** An opaque continuation of this very query after `key`. */
export function sealCursor (scope: CursorScope, key: string): string {
  return Buffer.concat([mac(scope, key), Buffer.from(key)]).toString('base64url')
}

/**
 * The key inside a cursor. Throws INVALID_CURSOR for one that was changed, or that another
 * server, tenant, list or filter made: paging on with another filter would silently skip rows.
 */
export function openCursor (scope: CursorScope, cursor: string): string {
  const bytes = Buffer.from(cursor.slice(0, CURSOR_MAX_LENGTH + 1), 'base64url')
  const canonical = cursor.length <= CURSOR_MAX_LENGTH && bytes.toString('base64url') === cursor
  const key = bytes.subarray(MAC_BYTES).toString()
  if (!canonical || bytes.length <= MAC_BYTES ||
    !timingSafeEqual(bytes.subarray(0, MAC_BYTES), mac(scope, key))) {
    throw new LedgerError('INVALID_CURSOR', 'The cursor does not belong to this query', {
      violations: [{ pointer: 'cursor', detail: 'start again without it' }]
    })
  }
  return key
}

function mac (scope: CursorScope, key: string): Buffer {
  const filter = Object.entries(scope.filter)
    .filter(([, value]) => value !== undefined)
    .sort(([one], [other]) => one < other ? -1 : 1)
  const text = JSON.stringify(['cursor/1', scope.tenant, scope.list, filter, key])
  return createHmac('sha256', scope.secret).update(text).digest().subarray(0, MAC_BYTES)
}

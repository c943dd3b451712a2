/** What every handler gets. */
import { isAllowed, type Action, type Identity } from '../engine/access.ts'
import type { Engine } from '../engine/engine.ts'
import { accessDenied, StatusError, unauthenticated } from './status.ts'

/** A call's surroundings: the engine, and who calls. */
export interface Context {
  readonly engine: Engine
  readonly identity: Identity
}

/** Whether the caller may do this. */
export const may = (context: Context, action: Action, stream: string): boolean =>
  isAllowed(context.engine.index, context.identity, action, stream)

/**
 * Refuses a caller that may not do this.
 * @throws {StatusError} PERMISSION_DENIED, or UNAUTHENTICATED for one without a name.
 */
export function demand (context: Context, action: Action, stream: string): void {
  if (may(context, action, stream)) return
  throw new StatusError(context.identity.name === '' ? unauthenticated() : accessDenied())
}

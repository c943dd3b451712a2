import { isLedgerError } from '../errors.ts'
import { callerOf, requireRole } from './auth.ts'
import type { App } from './endpoint.ts'
import type { Services } from './services.ts'

/** Every route of the scope needs a valid credential with one of the roles that it names. */
export function protect (scope: App, services: Services): void {
  scope.addHook('onRequest', async (request, reply) => {
    // What an audit log says is nobody else's, and out of date at once.
    reply.header('cache-control', 'no-store')
    request.caller = await services.auth.authenticate(request.headers.authorization)
    requireRole(request.caller, request.routeOptions.config.roles ?? [])
  })

  scope.addHook('onError', async (request, _reply, err) => {
    if (isLedgerError(err, 'FORBIDDEN')) services.denied(callerOf(request), request)
  })
}

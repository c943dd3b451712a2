import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/**
 * Asks for the body of a request that offers one with `Expect: 100-continue`, unless it is
 * announced to be larger than any that is taken: then the refusal comes instead, and not a
 * connection that breaks while the body is being sent (RFC 9110 section 10.1.1).
 */
export function askForBodies (server: Server, maxBytes: number): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (Number(request.headers['content-length'] ?? 0) <= maxBytes) response.writeContinue()
    server.emit('request', request, response)
  })
}

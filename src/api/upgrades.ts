import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'

/** What belongs to an offer of another protocol, and not to the request that comes with it. */
const OFFER = new Set(['connection', 'upgrade', 'http2-settings'])

/**
 * The requests of a server for a WebSocket at one path, as `upgrade` events of one that is told of
 * nothing else and never listens. Once
 * anybody listens for upgrades, Node leaves every request with an Upgrade header to them, such as
 * those by which Java's clients offer HTTP/2 with whatever they send: these are answered as if
 * they had offered nothing (RFC 9110 section 7.8).
 */
export function webSocketUpgrades (server: Server, path: string): Server {
  const upgrades = createServer()
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const wanted = request.method === 'GET' && request.url?.split('?', 1)[0] === path &&
      request.headers.upgrade?.toLowerCase() === 'websocket'
    if (wanted) upgrades.emit('upgrade', request, socket, head)
    else answerAsUsual(server, request, { socket, head })
  })
  return upgrades
}

/** Gives the connection back to the server, with the request as it was but for the offer. */
function answerAsUsual (
  server: Server, { method, url, httpVersion, rawHeaders, headers }: IncomingMessage,
  { socket, head }: { socket: Duplex, head: Buffer }
): void {
  const kept = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2)
    if (!OFFER.has(name.toLowerCase())) kept.push(`${name}: ${value}`)
  }
  if (/\bclose\b/i.test(headers.connection ?? '')) kept.push('Connection: close')
  // Header values are bytes that Node shows as latin1.
  socket.unshift(Buffer.concat([Buffer.from(kept.join('\r\n') + '\r\n\r\n', 'latin1'), head]))
  server.emit('connection', socket)
}

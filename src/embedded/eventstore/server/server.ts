/**
 * The port: gRPC over HTTP/2 and `/ping` over HTTP/1.1. Without TLS the first bytes of a connection
 * tell which of them it is; with TLS the client says so.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import http2, {
  type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream, type ServerOptions
} from 'node:http2'
import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'

export interface ServerSettings {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly tls?: { readonly cert: string, readonly key: string } | undefined
  readonly onCall: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void
}

/** A listening server. */
export interface RunningServer {
  readonly port: number
  /** Takes no more connections, waits for calls to end, then cuts what is left. */
  close (): Promise<void>
}

/** How long the last answers have to leave when the server closes. */
export const DRAIN_MS = 1_000
/** A client may open this many connections at once; more are refused. */
const CONNECTIONS_MAX = 1_024
/** A connection that says nothing at all for this long is closed. */
const SILENCE_MS = 10_000

const HTTP2_OPTIONS: ServerOptions = {
  // Per connection, in MB: a thousand subscriptions with full buffers fit.
  maxSessionMemory: 256,
  settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 4_096 }
}
const CONNECTION_WINDOW = 16 * 1024 * 1024
const PREFACE = 'PRI '

/** Listens; settles when connections are accepted. */
export async function startServer (settings: ServerSettings): Promise<RunningServer> {
  const sessions = new Set<Http2Session>()
  const sockets = new Set<Socket>()
  const grpc = http2.createServer(HTTP2_OPTIONS)
  const web = http.createServer(answerHttp)
  serveCalls(grpc, settings, sessions)
  const hand = (socket: Socket, isHttp2: boolean) =>
    (isHttp2 ? grpc : web).emit('connection', socket)
  const listener = settings.tls === undefined
    ? plainListener(hand)
    : tlsListener(settings.tls, hand)
  listener.maxConnections = CONNECTIONS_MAX
  listener.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => { sockets.delete(socket) })
  })
  await listen(listener, settings)
  return {
    port: addressOf(listener).port,
    close: () => closeAll(listener, sessions, sockets)
  }
}

/** Gives a connection to the server of its protocol. */
type Hand = (socket: Socket, isHttp2: boolean) => void

function plainListener (hand: Hand): net.Server {
  return net.createServer((socket) => {
    socket.setTimeout(SILENCE_MS, () => { socket.destroy() })
    socket.once('readable', () => {
      socket.setTimeout(0)
      const first: Buffer | null = socket.read()
      if (first === null) return
      socket.unshift(first)
      hand(socket, first.subarray(0, PREFACE.length).toString('latin1') === PREFACE)
    })
  })
}

function tlsListener (certificate: { cert: string, key: string }, hand: Hand): net.Server {
  const server = tls.createServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'] })
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {})
    hand(socket, socket.alpnProtocol === 'h2')
  })
  server.on('tlsClientError', () => {})
  return server
}

function serveCalls (
  server: http2.Http2Server, settings: ServerSettings, sessions: Set<Http2Session>
): void {
  server.on('session', (session) => {
    sessions.add(session)
    session.setLocalWindowSize(CONNECTION_WINDOW)
    session.on('error', () => {})
    session.on('close', () => { sessions.delete(session) })
  })
  server.on('sessionError', () => {})
  server.on('stream', settings.onCall)
}

/** Older interfaces of the real server that the client falls back to, and that are not here. */
const NOT_IMPLEMENTED = /^\/(subscriptions|projections?)(\/|$)/

function answerHttp (request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? ''
  const isPing = path === '/ping' && request.method === 'GET'
  response.statusCode = isPing ? 200 : NOT_IMPLEMENTED.test(path) ? 501 : 404
  response.setHeader('content-type', 'application/json')
  const message = http.STATUS_CODES[response.statusCode]
  response.end(JSON.stringify({ msg: isPing ? 'Ping request successfully handled' : message }))
}

function listen (listener: net.Server, { host, port }: ServerSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(port, host, () => {
      listener.off('error', reject)
      resolve()
    })
  })
}

function addressOf (listener: net.Server): AddressInfo {
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address
}

async function closeAll (
  listener: net.Server, sessions: Set<Http2Session>, sockets: Set<Socket>
): Promise<void> {
  const closed = new Promise((resolve) => { listener.close(resolve) })
  const drained = Promise.all([...sessions].map((session) =>
    new Promise<void>((resolve) => { session.close(resolve) })))
  let timer: NodeJS.Timeout | undefined
  await Promise.race([drained, new Promise((resolve) => { timer = setTimeout(resolve, DRAIN_MS) })])
  clearTimeout(timer)
  for (const session of sessions) session.destroy()
  for (const socket of sockets) socket.destroy()
  await closed
}

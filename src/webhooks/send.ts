import http from 'node:http'
import https from 'node:https'
import { pinTarget, TargetRefused, type Target, type TargetRules } from './address.ts'
import { signatures } from './sign.ts'

/** Receiving an answer, and before it the look-up of the name. */
export const ATTEMPT_TIMEOUT_MS = 10_000
/** Nobody reads what a receiver says beside its status; more than this ends the connection. */
const ANSWER_MAX_BYTES = 65_536
/** A status that came is not taken back by a body that does not end. */
const REST_MS = 1_000
const GONE = 410

export interface Message {
  /** The same for every attempt; without a full stop. */
  id: string
  /** JSON. */
  body: string
}

/** What came of an attempt. */
export interface Attempt {
  delivered: boolean
  status: number | undefined
  /** In words, nothing of what the receiver said. */
  error: string | undefined
  /** The receiver says that it wants nothing any more. */
  gone: boolean
  /** So long the receiver wants to be left alone. */
  retryAfterMs: number | undefined
}

export interface SenderOptions extends TargetRules {
  url: string
  /** Each of them signs. */
  secrets: readonly Buffer[]
  /** Milliseconds since 1970. */
  now: () => number
  timeoutMs?: number | undefined
}

/** One receiver, at the address that its name stood for when it was first sent something. */
export interface Sender {
  /** One POST. Never throws: whatever goes wrong is an answer. */
  send (message: Message, signal: AbortSignal): Promise<Attempt>
  /** Ends its connections. */
  close (): void
}

/**
 * Sends messages to a receiver as Standard Webhooks 1.0.0 says, over one connection after the
 * other. 2xx is delivered, everything else is not, redirects neither.
 */
export function createSender (options: SenderOptions): Sender {
  const { timeoutMs = ATTEMPT_TIMEOUT_MS } = options
  const agentOptions = { keepAlive: true, maxSockets: 1 }
  const agents = { http: new http.Agent(agentOptions), https: new https.Agent(agentOptions) }
  let target: Target | undefined
  return {
    async send (message, stop) {
      const limit = limited(stop, timeoutMs)
      const { signal } = limit
      try {
        target ??= await unlessAborted(pinTarget(options.url, options, signal), signal)
        const headers = headersOf(message, options)
        return attemptOf(await post({ target, headers, body: message.body, signal, agents }),
          options.now())
      } catch (err) {
        return failed(limit.isLate() ? `no answer within ${timeoutMs} ms` : wordsOf(err))
      } finally {
        limit.end()
      }
    },
    close () {
      agents.http.destroy()
      agents.https.destroy()
    }
  }
}

/** A signal that is aborted with another one or after a while; nothing of it stays behind. */
function limited (
  stop: AbortSignal, ms: number
): { signal: AbortSignal, isLate: () => boolean, end: () => void } {
  const control = new AbortController()
  const abort = (): void => { control.abort() }
  let late = false
  const timer = setTimeout(() => {
    late = true
    abort()
  }, ms)
  stop.addEventListener('abort', abort, { once: true })
  if (stop.aborted) abort()
  return {
    signal: control.signal,
    isLate: () => late,
    end () {
      clearTimeout(timer)
      stop.removeEventListener('abort', abort)
    }
  }
}

function headersOf (
  { id, body }: Message, { secrets, now }: SenderOptions
): http.OutgoingHttpHeaders {
  const timestamp = Math.floor(now() / 1_000)
  return {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'audit-ledger',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures(secrets, { id, timestamp, body })
  }
}

interface Post {
  target: Target
  headers: http.OutgoingHttpHeaders
  body: string
  signal: AbortSignal
  agents: { http: http.Agent, https: https.Agent }
}

interface Answer {
  status: number
  retryAfter: string | undefined
}

/** Connects to the address, never to the name; a certificate has to be the name's. */
async function post ({ target, headers, body, signal, agents }: Post): Promise<Answer> {
  const { url: { protocol, host, port, pathname, search }, address, servername } = target
  const common = {
    method: 'POST',
    host: address,
    port,
    path: pathname + search,
    headers: { ...headers, host },
    signal
  }
  return await new Promise((resolve, reject) => {
    const request = protocol === 'https:'
      ? https.request({
        ...common, agent: agents.https, ...(servername === undefined ? {} : { servername })
      })
      : http.request({ ...common, agent: agents.http })
    request.on('error', reject)
    request.on('response', (response) => {
      // From here on the status counts, whatever becomes of the rest.
      request.off('error', reject).on('error', () => {})
      drain(response, resolve)
    })
    request.end(body)
  })
}

/** The status counts; the rest is taken only for the connection to be used again. */
function drain (response: http.IncomingMessage, resolve: (answer: Answer) => void): void {
  const { statusCode: status = 0, headers: { 'retry-after': retryAfter } } = response
  const enough = setTimeout(() => { response.destroy() }, REST_MS)
  let bytes = 0
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > ANSWER_MAX_BYTES) response.destroy()
  })
  response.on('error', () => {})
  response.on('close', () => {
    clearTimeout(enough)
    resolve({ status, retryAfter })
  })
}

function attemptOf ({ status, retryAfter }: Answer, now: number): Attempt {
  if (status >= 200 && status < 300) {
    return { delivered: true, status, error: undefined, gone: false, retryAfterMs: undefined }
  }
  return {
    ...failed(`the receiver answered ${status}`),
    status,
    gone: status === GONE,
    retryAfterMs: retryAfter === undefined ? undefined : millisecondsOf(retryAfter, now)
  }
}

function failed (error: string): Attempt {
  return { delivered: false, status: undefined, error, gone: false, retryAfterMs: undefined }
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function millisecondsOf (retryAfter: string, now: number): number | undefined {
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - now
  return Number.isFinite(ms) && ms > 0 ? ms : undefined
}

/** A resolver that hangs does not hear of a signal. */
async function unlessAborted<T> (work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {})
  return await new Promise((resolve, reject) => {
    const abort = (): void => { reject(signal.reason) }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => { signal.removeEventListener('abort', abort) })
  })
}

/** A code where there is one: messages name addresses. */
function wordsOf (err: unknown): string {
  if (err instanceof TargetRefused) return err.message
  const code = err instanceof Error && 'code' in err ? err.code : undefined
  return typeof code === 'string' ? `no answer: ${code}` : 'no answer'
}
